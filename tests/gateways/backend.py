"""A tiny model, run in pods by its source: it says who answered, and counts what it was asked.

MODE is ok, slow (an answer takes seconds) or hang (there is none).
"""

import asyncio
import os

VERSION = os.environ["VERSION"]
DELAY = {"ok": 0.0, "slow": 2.0, "hang": 3600.0}[os.environ.get("MODE", "ok")]
asked = 0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    global asked
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1]
            if path == b"/asked":
                body = str(asked).encode()
            else:
                asked += 1
                await asyncio.sleep(DELAY)
                body = VERSION.encode()
            status = b"HTTP/1.1 200 OK\r\nx-version: " + VERSION.encode()
            writer.write(status + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "0.0.0.0", 8080, backlog=1024)
    await server.serve_forever()


asyncio.run(main())
