/** After the loss: whether everything that was answered is there, nothing that was ended lives, and nothing is there twice. */
import postgres from 'postgres'
import type { Walk } from './learner.ts'
import type { Ledger, Life } from './ledger.ts'

const AT_ONCE = 6

type Row = { what: string; checked: number; bad: number }

async function countBad<Item>(items: readonly Item[], isBad: (item: Item) => Promise<boolean>): Promise<number> {
  const queue = [...items]
  let bad = 0
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) if (await isBad(item)) bad += 1
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return bad
}

/** A call of the API that is answered, however often it takes. */
async function call(life: Life, path: string, body?: object, more: Record<string, string> = {}): Promise<Response> {
  const { url } = life.site
  for (;;) {
    const answer = await fetch(url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { Origin: url, 'Content-Type': 'application/json', 'X-Forwarded-For': life.address, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'manual',
    })
    if (answer.status !== 503) return answer
    await answer.body?.cancel()
    await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(answer.headers.get('Retry-After') ?? 1)))
  }
}

async function logsIn(life: Life, password: string): Promise<boolean> {
  const { email } = life.person
  return (await call(life, '/api/auth/sign-in/email', { email, password })).status === 200
}

/** At most so many whose password is typed: each costs two hashes. */
const LOGINS_MAX = 60

/** From before, during and after the loss. */
function spread(lives: readonly Life[]): Life[] {
  const step = Math.max(1, lives.length / LOGINS_MAX)
  return lives.filter((_, index) => Math.floor(index / step) > Math.floor((index - 1) / step))
}

export async function check(
  { lives }: Ledger,
  walked: Walk,
  databaseUrl: string,
): Promise<{ lost: Row[]; revived: Row[]; twice: Row[] }> {
  const sql = postgres(databaseUrl, { max: 1 })
  try {
    const signedUp = lives.filter((life) => life.signedUp)
    const users = await sql<{ email: string; id: string }[]>`select email, id from users`
    const there = new Map(users.map(({ email, id }) => [email, id]))
    const marks = new Set(
      (
        await sql<{ email: string; lessonId: string }[]>`
        select email, lesson_id as "lessonId" from progress join users on users.id = user_id where state = 'done'`
      ).map(({ email, lessonId }) => `${email} ${lessonId}`),
    )
    const progress = [
      ...signedUp.flatMap(({ person, done }) => [...done].map((id) => `${person.email} ${id}`)),
      ...walked.done.map((id) => `${walked.email} ${id}`),
    ]
    const ended = signedUp.filter(({ endedSession }) => endedSession !== undefined)
    const endedFamilies = ended.filter(({ refreshToken }) => refreshToken !== undefined)
    // A reset ends the families too. Of one that was not answered nobody knows.
    const reset = signedUp.filter(({ newPassword }) => newPassword !== undefined)
    const alive = signedUp.filter(
      ({ endedSession, resetUnanswered, refreshToken }) => !endedSession && !resetUnanswered && refreshToken,
    )
    const unchanged = spread(signedUp.filter(({ resetUnanswered }) => !resetUnanswered))
    const isRefused = async (life: Life) =>
      (await call(life, '/api/auth/refresh', { refreshToken: life.refreshToken })).status !== 200
    const isOpen = async (life: Life) => {
      const cookie = `matricula=${life.endedSession}`
      return (await call(life, '/dashboard', undefined, { Cookie: cookie })).status === 200
    }
    const twice = await sql<{ what: string; count: number }[]>`
      select 'accounts' as what, count(*)::int from (select 1 from all_users group by lower(email) having count(*) > 1) as x
      union all
      select 'sign-ups in the list of what happened', count(*)::int
      from (select 1 from activity where kind = 'signed-up' group by user_id having count(*) > 1) as x
      union all
      select 'marks of a lesson', count(*)::int
      from (select 1 from progress group by user_id, lesson_id having count(*) > 1 or bool_or(before is not null)) as x
      union all
      select 'sessions of one sign-up', count(*)::int
      from (
        select 1 from sessions join activity on activity.user_id = sessions.user_id and kind = 'signed-up'
        where not exists (
          select 1 from activity as later where later.user_id = sessions.user_id and later.kind = 'logged-in'
        )
        group by sessions.user_id having count(*) > 1
      ) as x`
    return {
      lost: [
        {
          what: 'sign-ups',
          checked: signedUp.length,
          bad: signedUp.filter(({ person }) => !there.has(person.email)).length,
        },
        {
          what: 'logins with the password',
          checked: unchanged.length,
          bad: await countBad(unchanged, async (life) => !(await logsIn(life, life.person.password))),
        },
        { what: 'marks of lessons', checked: progress.length, bad: progress.filter((mark) => !marks.has(mark)).length },
        { what: 'refresh tokens', checked: alive.length, bad: await countBad(alive, isRefused) },
        {
          what: 'new passwords',
          checked: reset.length,
          bad: await countBad(reset, async (life) => !(await logsIn(life, life.newPassword ?? ''))),
        },
      ],
      revived: [
        { what: 'sessions that were logged out', checked: ended.length, bad: await countBad(ended, isOpen) },
        {
          what: 'refresh families of these',
          checked: endedFamilies.length,
          bad: await countBad(endedFamilies, async (life) => !(await isRefused(life))),
        },
        {
          what: 'old passwords after a reset',
          checked: reset.length,
          bad: await countBad(reset, (life) => logsIn(life, life.person.password)),
        },
        {
          what: 'refresh families after a reset',
          checked: reset.length,
          bad: await countBad(reset, async (life) => life.refreshToken !== undefined && !(await isRefused(life))),
        },
      ],
      twice: twice.map(({ what, count }) => ({ what, checked: there.size, bad: count })),
    }
  } finally {
    await sql.end()
  }
}
