"""Connections that each read a page at 10 KB/s for SECONDS. Prints a line once all of them have begun.

    python3 slow_readers.py HOST PORT PATH READERS SECONDS
"""
import socket
import sys
import time

host, port, path, count, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])
RATE = 10_000

readers = []
for _ in range(count):
    reader = socket.socket()
    # Keeps unread bytes out of the reader's own buffer.
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    reader.connect((host, port))
    reader.sendall(f'GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())
    readers.append(reader)
for reader in readers:
    assert reader.recv(1000).startswith(b'HTTP/1.1 200')
print('reading', flush=True)

end = time.monotonic() + seconds
received = 0
while time.monotonic() < end:
    # One reader after another, evenly over each second.
    for reader in readers:
        reader.setblocking(False)
        try:
            received += len(reader.recv(RATE))
        except BlockingIOError:
            pass
        time.sleep(1 / count)
        if time.monotonic() >= end:
            break
print(received, flush=True)
