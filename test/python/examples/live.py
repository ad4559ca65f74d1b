"""A socket for a learner: `uvicorn live:app`."""

from fastapi import FastAPI, WebSocket
from matricula_auth.starlette import signed_in

app = FastAPI()


@app.websocket("/live")
async def live(socket: WebSocket) -> None:
    async with signed_in(socket) as session:
        await socket.send_text(f"Hello, {session.learner.name}")
        while True:
            await socket.send_text((await socket.receive_text()).upper())
