"""relay.py PORT TARGET: connections to PORT of every address go to TARGET of this machine's loopback."""
import asyncio
import sys


async def move(source, target):
    try:
        while piece := await source.read(1 << 16):
            target.write(piece)
            await target.drain()
    except ConnectionError:
        pass
    target.close()


async def relay(reader, writer):
    near, far = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(move(reader, far), move(near, writer))


async def main():
    async with await asyncio.start_server(relay, "0.0.0.0", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
