"""Once a day: deletes what belongs to accounts that are gone for good. Matricula names them for 90 days."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

from matricula_auth import setting
from sqlmodel import Session, col, delete

from notes import Note, engine

UNTIL = Path("forgotten-until")


def forget() -> int:
    """Returns how many accounts it has heard of. Some come twice, which does no harm."""
    heard, more = 0, True
    while more:
        since = f"?since={urllib.parse.quote(UNTIL.read_text())}" if UNTIL.exists() else ""
        question = urllib.request.Request(f"{setting('MATRICULA_URL').rstrip('/')}/api/users/deleted{since}")
        question.add_unredirected_header("Authorization", f"Bearer {setting('MATRICULA_SERVICE_KEY')}")
        with urllib.request.urlopen(question, timeout=30) as answer:
            deleted = json.load(answer)
        with Session(engine) as session:
            session.exec(delete(Note).where(col(Note.learner).in_(deleted["ids"])))
            session.commit()
        UNTIL.write_text(deleted["until"])  # only now: what fails before is done again
        heard, more = heard + len(deleted["ids"]), deleted["more"]
    return heard


if __name__ == "__main__":
    print(forget())
