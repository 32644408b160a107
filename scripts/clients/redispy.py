# redis-py: see load.mjs for what a driver does.
#   redispy.py MODE SETTINGS HOST:PORT,...
import logging
import sys
import threading
import time

from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

logging.disable()


def cluster_default(nodes):
    return RedisCluster(startup_nodes=[ClusterNode(h, p) for h, p in nodes])


def sentinel_default(nodes):
    return Sentinel(nodes).master_for("cairn")


def sentinel_recommended(nodes):
    return Sentinel(nodes, socket_timeout=2).master_for("cairn", socket_timeout=5)


class Driver:
    def __init__(self):
        self.lock = threading.Lock()
        self.on = False
        self.callers = []

    def say(self, *words):
        with self.lock:
            print(*(str(w).replace("\n", " ") for w in words), flush=True)

    def connect(self, *_):
        nodes = [(a.split(":")[0], int(a.split(":")[1])) for a in sys.argv[3].split(",")]
        make = globals()[sys.argv[1] + "_" + sys.argv[2]]
        self.c, self.writer = make(nodes), make(nodes)

    def basics(self, *_):
        def same(what, got, want):
            if got != want:
                raise ValueError(f"{what}: {got}")

        c = self.c
        same("SET", c.set("basics:k", "v"), True)
        same("GET", c.get("basics:k"), b"v")
        n = c.incr("basics:n")
        same("INCR", c.incr("basics:n"), n + 1)
        p = c.pipeline(transaction=False) if sys.argv[1] == "sentinel" else c.pipeline()
        for i in range(50):
            p.set(f"basics:{i}", i)
        p.execute()
        for i in range(50):
            same("pipeline", c.get(f"basics:{i}"), b"%d" % i)
        same("MSET", c.mset({"{b}1": "x", "{b}2": "y"}), True)
        same("MGET", c.mget("{b}1", "{b}2"), [b"x", b"y"])

    def whole(self, prefix):
        keys = [f"{prefix}{i}" for i in range(100)]
        self.c.mset({k: "-" for k in keys})
        ended, torn = False, 0

        def write():
            n = 0
            while not ended:
                n += 1
                self.writer.mset({k: f"{n:1000}" for k in keys})

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(300):
                torn += len(set(self.c.mget(keys))) > 1
        finally:
            ended = True
            writer.join()
        return torn

    def call(self, id, key):
        now = lambda: f"{time.time() * 1000:.2f}"
        while self.on:
            began = now()
            try:
                value = self.c.incr(key)
                self.say("ack", id, began, now(), value)
            except Exception as e:
                self.say("err", id, began, now(), f"{type(e).__name__}: {e}")
                time.sleep(0.01)

    def load(self, key):
        self.on = True
        self.callers = [threading.Thread(target=self.call, args=(i, f"{key}:{i}"), daemon=True) for i in range(4)]
        for t in self.callers:
            t.start()

    def rest(self, *_):
        self.on = False
        for t in self.callers:
            t.join()


driver = Driver()
for line in sys.stdin:
    word, arg = (line.split() + [""])[:2]
    try:
        got = getattr(driver, word)(arg)
        if word != "load":
            driver.say("done", "" if got is None else got)
    except Exception as e:
        driver.say("fail", f"{type(e).__name__}: {e}")
