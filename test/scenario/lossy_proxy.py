#!/usr/bin/python3
"""lossy_proxy.py PORT: in front of an HTTP server on 127.0.0.1:PORT, lose the
answer to each object's first PUT, if it came over a connection that was used
before.

The server has carried the request out; the client sees its connection die.
Prints the port where it listens, then a line for each answer that it lost.
"""
import contextlib
import socket
import sys
import threading

seen = set()


def read_head(f):
    """Read up to the empty line; return the bytes and the body's length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = f.readline()
        if not line:
            return b"", 0
        head += line
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    return head, length


def ask(head, body):
    """Ask the server over a connection of its own; return the answer as one
    that keeps the client's."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as server:
        # It may refuse by the head alone, and hang up on the body.
        with contextlib.suppress(ConnectionError):
            server.sendall(head + body)
        answers = server.makefile("rb")
        answer, length = read_head(answers)
        if not head.startswith(b"HEAD "):
            answer += answers.read(length)
    return answer.replace(b"\r\nConnection: close\r\n", b"\r\n", 1)


def serve(client):
    requests = client.makefile("rb")
    used = False
    while True:
        head, length = read_head(requests)
        if not head:
            break
        answer = ask(head, requests.read(length))
        line = head.split(b"\r\n")[0]
        first = line not in seen
        seen.add(line)
        if line.startswith(b"PUT ") and first and used:
            print(line.decode(), flush=True)
            break
        client.sendall(answer)
        used = True
    requests.close()
    client.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],),
                     daemon=True).start()
