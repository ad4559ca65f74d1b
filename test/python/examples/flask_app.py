"""The same with Flask: `flask --app flask_app run --port 8000`."""

from flask import Flask
from matricula_auth.flask import current_learner, learner_required

app = Flask(__name__)


@app.get("/me")
@learner_required
def me() -> dict[str, str]:
    return {"sub": current_learner.sub, "name": current_learner.name}
