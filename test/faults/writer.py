# Writes to every node of the cluster all the time, as fast as it is answered, and says what was acknowledged.
# One line of JSON an answer: {"node", "seq", "sent", "acked"} in seconds since the epoch. Ends when stdin closes.
import json
import sys
import threading
import time

import psycopg2

database, user, port, nodes = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
ended = threading.Event()
lock = threading.Lock()


def write(node):
    connection = None
    seq = 0
    while not ended.is_set():
        try:
            if connection is None:
                connection = psycopg2.connect(
                    host=node, port=port, user=user, dbname=database, connect_timeout=1,
                    options="-c statement_timeout=2s",
                )
                connection.autocommit = True
            seq += 1
            sent = time.time()
            connection.cursor().execute("insert into written (node, seq) values (%s, %s)", (node, seq))
            with lock:
                print(json.dumps({"node": node, "seq": seq, "sent": sent, "acked": time.time()}), flush=True)
            time.sleep(0.02)
        except psycopg2.errors.ReadOnlySqlTransaction:
            time.sleep(0.1)
        except psycopg2.Error:
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.05)


threads = [threading.Thread(target=write, args=(node,), daemon=True) for node in nodes]
for thread in threads:
    thread.start()
sys.stdin.read()
ended.set()
for thread in threads:
    thread.join(4)
