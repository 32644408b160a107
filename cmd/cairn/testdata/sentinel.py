# A client of redis-py's Sentinel: for every line on stdin it writes until a write is acknowledged, reads that from the master
# and then from a replica, and prints what it got.
#   sentinel.py MASTER PORT...
import sys
import time

from redis.exceptions import RedisError
from redis.sentinel import Sentinel

name, ports = sys.argv[1], sys.argv[2:]
sentinel = Sentinel([("127.0.0.1", int(p)) for p in ports], socket_timeout=2)
master = sentinel.master_for(name, socket_timeout=2)
replica = sentinel.slave_for(name, socket_timeout=2)


def patiently(do):
    while True:
        try:
            return do()
        except RedisError as e:
            print("again:", repr(e), file=sys.stderr)
            time.sleep(0.05)


for n, _ in enumerate(sys.stdin):
    patiently(lambda: master.set("py", n))
    got, copy = patiently(lambda: master.get("py")), patiently(lambda: replica.get("py"))
    print(n, got.decode(), copy.decode(), flush=True)
