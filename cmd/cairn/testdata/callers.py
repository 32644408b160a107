# Four callers of one client of redis-py count with INCR, each on a key of its own, until stdin ends, and say what became
# of each call: "ack CALLER VALUE" or "err CALLER TEXT".
#   callers.py cluster|sentinel PORT...
import logging
import sys
import threading
import time

from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.sentinel import Sentinel

logging.disable()
mode, ports = sys.argv[1], [int(p) for p in sys.argv[2:]]


def connect():
    if mode == "sentinel":
        return Sentinel([("127.0.0.1", p) for p in ports], socket_timeout=2).master_for("cairn", socket_timeout=5)
    while True:
        try:
            return RedisCluster(startup_nodes=[ClusterNode("127.0.0.1", p) for p in ports])
        except RedisClusterException:
            time.sleep(0.05)


client = connect()
lock, stop = threading.Lock(), threading.Event()


def say(*words):
    with lock:
        print(*(str(w).replace("\n", " ") for w in words), flush=True)


def call(id):
    global client
    while not stop.is_set():
        mine = client
        try:
            say("ack", id, mine.incr(f"py:{mode}:{id}"))
        except Exception as e:
            say("err", id, f"{type(e).__name__}: {e}")
            time.sleep(0.01)
            # A RedisCluster of 4.3.4 that has lost a node asks nobody any more where the others are.
            if isinstance(e, RedisClusterException):
                with lock:
                    if client is mine:
                        client = connect()


threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
for t in threads:
    t.start()
sys.stdin.read()
stop.set()
for t in threads:
    t.join()
