/** Deleting, undoing and clearing away at the same moment: one of them happens, whole, and nobody sees a fault. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import postgres from 'postgres'
import { LEFT_ACCOUNTS } from '../../../src/accounts/account-deletion.ts'
import { prune } from '../../../src/database/pruning.ts'
import { startApp } from '../../support/app.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { headingOf, leads, open, RESET } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, type Person } from '../../support/people.ts'
import { eventually } from '../../support/process.ts'

const DAY = 24 * 60 * 60_000
const PAGE = '/deletion-undo'
const GOODBYE = /about to be deleted/
const KEPT = '/login?done=deletion-undone'
const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })

const pressDelete = async (browser: Browser, { password }: Person) =>
  browser.submit('/account/account-deletion', { password, sure: 'yes' })

/** Somebody who has deleted their account, on the page that undoes it. */
async function leaver() {
  const { browser, person } = await learner(app, 'Ada')
  await pressDelete(browser, person)
  await open(browser, await mailbox.letterTo(person.email, GOODBYE))
  return { browser, person, form: { _csrf: await browser.token(PAGE) } }
}

const isThere = async ({ email }: Person) =>
  (await app.sql`select 1 as one from users where email = ${email}`).length > 0

/** Runs the statement, then starts `other`, and commits when that waits for it. */
async function inBetween<Answer>(
  statement: (transaction: postgres.TransactionSql) => Promise<unknown>,
  other: () => PromiseLike<Answer>,
): Promise<Answer> {
  const direct = postgres(app.databaseUrl, { max: 1, onnotice: () => {} })
  try {
    let answered: Promise<Answer> | undefined
    await direct.begin(async (transaction) => {
      await statement(transaction)
      answered = Promise.resolve(other())
      await eventually('the other to wait', async () => {
        const blocked = await app.sql`
          select 1 as one from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
        return blocked.length > 0
      })
    })
    return await (answered ?? assert.fail())
  } finally {
    await direct.end()
  }
}

/** Runs `other` once, when the next look for deleted accounts has been answered. */
function afterTheLook(other: () => PromiseLike<unknown>): void {
  const { sql } = app.deps
  const isLook = (text: unknown) =>
    Array.isArray(text) && /where email = .*and delete_at is not null/s.test(text.join(''))
  app.deps.sql = new Proxy(sql, {
    async apply(query, self, args) {
      const rows = await Reflect.apply(query, self, args)
      if (isLook(args[0])) {
        app.deps.sql = sql
        await other()
      }
      return rows
    },
  })
}

describe('somebody who asks for a mail at the moment of a deletion', () => {
  for (const [what, page] of [
    ['a reset', '/password-reset'],
    ['a code', '/login/code'],
  ] as const) {
    it(`for ${what}, gets the link to keep the account`, async () => {
      const { browser, person } = await learner(app, 'Ada')
      const token = await browser.token('/account/account-deletion')
      const { password } = person
      afterTheLook(() => browser.post('/account/account-deletion', { password, sure: 'yes', _csrf: token }))
      assert.equal((await openBrowser(app).submit(page, { email: person.email })).status, 303)
      await mailbox.letterTo(person.email, GOODBYE, 2)
    })
  }

  for (const [what, page, subject] of [
    ['a reset', '/password-reset', RESET.subject],
    ['a code', '/login/code', /Your code to log in/],
  ] as const) {
    it(`for ${what}, and waits for the deletion, gets the link too`, async () => {
      const { person } = await learner(app, 'Ada')
      const visitor = openBrowser(app)
      const body = { email: person.email, _csrf: await visitor.token(page) }
      const answer = await inBetween(
        async (transaction) => {
          await transaction`select id from users where email = ${person.email} for update`
          const until = new Date(app.deps.now() + 7 * DAY)
          await transaction`update all_users set delete_at = ${until} where email = ${person.email}`
        },
        () => visitor.post(page, body),
      )
      assert.equal(answer.status, 303)
      await mailbox.letterTo(person.email, GOODBYE)
    })

    it(`for ${what} while it is undone, gets that`, async () => {
      const { browser, person, form } = await leaver()
      afterTheLook(() => browser.post(PAGE, form))
      assert.equal((await openBrowser(app).submit(page, { email: person.email })).status, 303)
      await mailbox.letterTo(person.email, subject)
    })

    it(`for ${what}, and waits for the undo, gets that too`, async () => {
      const { person } = await leaver()
      const visitor = openBrowser(app)
      const body = { email: person.email, _csrf: await visitor.token(page) }
      const answer = await inBetween(
        async (transaction) => {
          await transaction`select id from all_users where email = ${person.email} for update`
          await transaction`update all_users set delete_at = null where email = ${person.email}`
        },
        () => visitor.post(page, body),
      )
      assert.equal(answer.status, 303)
      await mailbox.letterTo(person.email, subject)
    })
  }
})

describe('a deletion that meets itself or its end', () => {
  it('is one deletion and one mail, when the button is pressed five times', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const form = { password: person.password, sure: 'yes', _csrf: await browser.token('/account/account-deletion') }
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser.post('/account/account-deletion', form)))
    for (const { status } of answers) assert.ok([303, 403, 422].includes(status), String(status))
    await mailbox.letterTo(person.email, GOODBYE)
    const { person: last, browser: other } = await learner(app, 'Ben')
    await pressDelete(other, last)
    await mailbox.letterTo(last.email, GOODBYE)
    assert.equal(mailbox.to(person.email, GOODBYE).length, 1)
    const [{ asked } = { asked: 0 }] = await app.sql<{ asked: number }>`
      select count(*)::int as asked from activity join all_users u on u.id = user_id
      where email = ${person.email} and kind = 'deletion-asked'`
    assert.equal(asked, 1)
  })

  it('is undone once, when five press the button', async () => {
    const { browser, person, form } = await leaver()
    const answers = await Promise.all(Array.from({ length: 5 }, () => browser.post(PAGE, form)))
    assert.equal(answers.filter(({ headers }) => headers.location === KEPT).length, 1)
    for (const { status } of answers) assert.ok([303, 410].includes(status), String(status))
    const [{ undone } = { undone: 0 }] = await app.sql<{ undone: number }>`
      select count(*)::int as undone from activity join users u on u.id = user_id
      where email = ${person.email} and kind = 'deletion-undone'`
    assert.equal(undone, 1)
    assert.deepEqual(leads(await browser.get(PAGE)).at(0), 410)
  })

  it('is either undone or final, when both buttons are pressed', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { browser, person, form } = await leaver()
      const [kept, final] = await Promise.all([browser.post(PAGE, form), browser.post(`${PAGE}/for-good`, form)])
      const outcome = [kept.headers.location === KEPT, final.headers.location === `${PAGE}/gone`]
      assert.equal(outcome.filter(Boolean).length, 1, `${outcome}`)
      assert.equal(await isThere(person), outcome[0])
    }
  })

  it('is undone, when the clearing waits for the undo', async () => {
    const { browser, person } = await leaver()
    await inBetween(
      (transaction) => transaction`update all_users set delete_at = null where email = ${person.email}`,
      () => prune(app.sql, LEFT_ACCOUNTS, app.deps.now() + 8 * DAY, 1_000),
    )
    assert.equal(await isThere(person), true)
    assert.equal((await browser.logIn(person)).status, 303)
  })

  it('is final, when the undo waits for the clearing', async () => {
    const { browser, person, form } = await leaver()
    const answer = await inBetween(
      (transaction) => transaction`delete from all_users where email = ${person.email}`,
      () => browser.post(PAGE, form),
    )
    assert.deepEqual(leads(answer), [303, PAGE])
    assert.equal(headingOf(await browser.get(PAGE)), 'This link does not work')
    assert.equal(await isThere(person), false)
  })

  it('lets nobody in who logs in meanwhile, not even after it is undone', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const visitor = openBrowser(app)
    const form = { ...person, _csrf: await visitor.token('/login') }
    const login = await inBetween(
      async (transaction) => {
        await transaction`select id from users where email = ${person.email} for update`
        await transaction`update all_users set delete_at = now() + interval '7 days' where email = ${person.email}`
      },
      () => visitor.post('/login', form),
    )
    assert.ok([422, 503].includes(login.status), String(login.status))
    await app.sql`update all_users set delete_at = null where email = ${person.email}`
    assert.equal(await visitor.whoAmI(), undefined)
    assert.equal(await browser.whoAmI(), person.name)
  })

  it('is undone without a session and a link that slipped in between', async () => {
    const { browser, person } = await learner(app, 'Ada')
    const phone = openBrowser(app)
    await phone.logIn(person)
    // As a login that was committed after the deletion had begun to look for sessions.
    const kept = await app.sql<Record<string, never>>`
      select sid, sess::text as sess, handle, expire from sessions
      where user_id = (select id from users where email = ${person.email}) order by created_at desc limit 1`
    await pressDelete(browser, person)
    for (const { sid = '', sess = '', handle = '', expire = '' } of kept) {
      await app.sql`
        insert into sessions (sid, sess, handle, expire) values (${sid}, ${sess}::text::json, ${handle}, ${expire})`
    }
    await app.sql`
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select ${person.email}, id, 'reset-password', email, 0, now(), now() + interval '1 hour'
      from all_users where email = ${person.email}`
    assert.equal(await phone.whoAmI(), undefined)
    await open(browser, await mailbox.letterTo(person.email, GOODBYE))
    assert.equal((await browser.submitTo(PAGE, PAGE)).headers.location, KEPT)
    assert.equal(await phone.whoAmI(), undefined)
    assert.equal((await app.sql`select 1 as one from email_tokens where token_hash = ${person.email}`).length, 0)
  })

  it('is no fault of ours in the log', () => {
    assert.doesNotMatch(app.log(), /"level":50/)
  })
})
