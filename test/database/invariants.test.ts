/** The checker of invariants itself: what people do breaks none of them, and each is seen when it is broken. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apiOf } from '../support/api.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { brokenInvariants, holdInvariants, INVARIANTS_COUNT } from '../support/invariants.ts'
import { passAll, saveAnswers } from '../support/learning.ts'
import { type Mailbox, openMailbox } from '../support/mailbox.ts'
import { askForReset, confirm, resetBy, VERIFY } from '../support/mailed.ts'
import { comingBack, learner, openBrowser, type Person } from '../support/people.ts'
import { switchOn } from '../support/second-step.ts'
import { firstPair, refresh, successor } from '../support/tokens.ts'

const addPasskey = (sql: TestApp['sql'], { email }: Pick<Person, 'email'>) => sql`
  insert into passkeys (id, user_id, credential_id, public_key, sign_count, name, transports, backup_eligible, backed_up, aaguid, created_at)
  select 'p', id, 'p', '', 0, '', '{}', false, false, '', now() from users where email = ${email}
  on conflict do nothing`

/** What breaks each invariant, on a database with the people of `crowd`. */
const BREAKAGES: Record<string, (app: TestApp, people: Crowd) => Promise<unknown>> = {
  'nobody is half signed up: an account has the event of its sign-up, once': ({ sql }, { ada }) => sql`
    delete from activity where kind = 'signed-up' and user_id = (select id from users where email = ${ada.email})`,
  'an account that was never left has the link that confirms its address': ({ sql }, { ada }) => sql`
    update email_tokens set purpose = 'new-device' where user_id = (select id from users where email = ${ada.email})`,
  'nobody is both there and deleted for good': ({ sql }, { ada }) => sql`
    insert into deleted_users (id, deleted_at) select id, now() from users where email = ${ada.email}`,
  'whoever has left has a way back, unused': ({ sql }) => sql`
    update email_tokens set used_at = now() where purpose = 'undo-deletion'`,
  'a session belongs to somebody who is there and not suspended': ({ sql }, { bo, cy }) => sql`
    update sessions set sess = jsonb_set(sess::jsonb, '{userId}', to_jsonb((select id from all_users where email = ${cy.email})))
    where user_id = (select id from users where email = ${bo.email})`,
  'no session is older than what ended all of them': ({ sql }, { bo }) => sql`
    insert into activity (user_id, kind, at, ip_address, user_agent)
    select id, 'password-reset', now() + interval '1 second', '', '' from users where email = ${bo.email}`,
  'a session began by a sign-up or a login that is noted': ({ sql }, { bo }) => sql`
    delete from activity
    where kind in ('signed-up', 'logged-in') and user_id = (select id from users where email = ${bo.email})`,
  'no session outlives its absolute limit': ({ sql }) => sql`update sessions set expire = now() + interval '31 days'`,
  'an open session has a place of its own in the status lists, and is good there': ({ sql }) => sql`
    update token_status set ended_at = now()`,
  'a place in the status lists that has not ended belongs to a session': ({ sql }) => sql`
    insert into token_status (status_index) values (99999999)`,
  'a passkey is one of an account that authenticators know by a handle': ({ sql }, { bo }) => addPasskey(sql, bo),
  'no passkey is older than what ended all of them': async ({ sql }, { bo }) => {
    await addPasskey(sql, bo)
    await sql`insert into passkey_handles (user_id, handle) select user_id, 'h' from passkeys`
    await sql`
      insert into activity (user_id, kind, at, ip_address, user_agent)
      select user_id, 'claimed-by-code', created_at + interval '1 second', '', '' from passkeys`
  },
  'a family of refresh tokens has exactly one that is not used': ({ sql }) => sql`
    update refresh_tokens set used_at = null`,
  'no refresh token outlives its family, and no family its session’s absolute limit': ({ sql }) => sql`
    update refresh_tokens set expires_at = now() + interval '1 year'`,
  'for a purpose one link is good, but for those of notices': async ({ sql }, { ada }) => {
    // The view decides which one that is.
    await sql`create or replace view current_links as select token_hash from email_tokens`
    await sql`
      insert into email_tokens (token_hash, user_id, purpose, email, password_version, created_at, expires_at)
      select 'link ' || number, id, 'reset-password', email, 0, now(), now() + interval '1 hour'
      from users, generate_series(1, 2) number where email = ${ada.email}`
  },
  'whoever has left has no link but those that lead back': ({ sql }) => sql`
    update email_tokens set purpose = 'reset-password' where purpose = 'undo-deletion'`,
  'a used link has done its work': ({ sql }, { bo }) => sql`
    update users set email_verified = false, password_version = 0 where email = ${bo.email}`,
  'no link comes from a password that is still to be set': ({ sql }) =>
    sql`update email_tokens set password_version = 9`,
  'a change of a password that is noted was made': ({ sql }, { bo }) => sql`
    update users set password_version = 0 where email = ${bo.email}`,
  'an account asks for a code when a second step is switched on, and only then': ({ sql }, { bo }) => sql`
    update users set second_step = false where email = ${bo.email}`,
  'recovery codes are ten at most, and belong to a second step': ({ sql }, { bo }) => sql`
    insert into recovery_codes (user_id, code_hash) select id, 'an eleventh' from users where email = ${bo.email}`,
  'the mail of a link that is still good waits, or is known to have gone': ({ sql }) => sql`delete from mail_outcomes`,
  'no mail that has gone waits to be sent': async ({ sql }) => {
    await sql`insert into mail_outcomes (id, outcome, at) values ('gone', 'handed-over', now())`
    await sql`
      insert into outbox (id, kind, sealed, due_at, expires_at) values ('gone', '', '', now(), now() + interval '1 hour')`
  },
  'no mail waits longer than its next turn': ({ sql }) => sql`
    insert into outbox (id, kind, sealed, due_at, expires_at)
    values ('late', 'late', '', now() + interval '1 hour', now() + interval '2 hours')`,
  'whoever has come to the end of the questions has answers, and whoever has answers has come to the end': ({ sql }) =>
    sql`update users set onboarded_at = null`,
  'the address of a calendar has a beginning': ({ sql }, { ada }) => sql`
    insert into plans (user_id, calendar_hash) select id, 'a hash' from users where email = ${ada.email}`,
  'a key that may sign is there': ({ sql }) => sql`update signing_keys set retired_at = now()`,
  // The last: it takes the index that forbids it away.
  'an address has one account, also among those who have left': async ({ sql }, { ada, bo }) => {
    await sql`alter table all_users drop constraint users_email_key, drop constraint users_email_check`
    await sql`update all_users set email = ${ada.email.toUpperCase()} where email = ${bo.email}`
  },
}

type Crowd = { ada: Person; bo: Person; cy: Person }

/** Ada signs up and no more; Bo resets a forgotten password, logs in, answers, refreshes and has a second step; Cy has one too, and leaves. */
async function crowd(app: TestApp, mailbox: Mailbox): Promise<Crowd> {
  const [{ person: ada }, { person: bo, browser }, { person: cy, browser: leaving }] = await Promise.all([
    learner(app, 'Ada'),
    learner(app, 'Bo'),
    learner(app, 'Cy'),
  ])
  await passAll(browser)
  assert.equal((await saveAnswers(browser)).status, 303)
  await confirm(browser, await mailbox.letterTo(bo.email, VERIFY.subject))
  const elsewhere = openBrowser(app)
  assert.equal((await resetBy(elsewhere, await askForReset(elsewhere, mailbox, bo.email))).status, 303)
  const password = 'another tidy copper lantern'
  const back = openBrowser(app)
  assert.equal((await comingBack(() => back.logIn({ email: bo.email, password }, { next: '/' }))).status, 303)
  await switchOn(app, back)
  const pair = await firstPair(apiOf(app, back))
  assert.equal((await refresh(app, (await successor(app, pair)).refreshToken)).status, 200)
  await confirm(leaving, await mailbox.letterTo(cy.email, VERIFY.subject))
  await switchOn(app, leaving)
  const gone = await leaving.submit('/account/account-deletion', { password: cy.password, sure: 'yes' })
  assert.equal(gone.status, 303)
  return { ada, bo, cy }
}

describe('the checker of invariants', () => {
  it('finds nothing to say of what people do', async () => {
    const mailbox = await openMailbox()
    const app = await startApp({}, { mailbox })
    await crowd(app, mailbox)
    await holdInvariants(app.sql)
  })

  it('sees each of them when it is broken', async () => {
    const mailbox = await openMailbox()
    const app = await startApp({}, { mailbox })
    const people = await crowd(app, mailbox)
    await app.deps.mail.stop()
    assert.equal(Object.keys(BREAKAGES).length, INVARIANTS_COUNT)
    for (const [invariant, breakIt] of Object.entries(BREAKAGES)) {
      await breakIt(app, people)
      const broken = (await brokenInvariants(app.sql)).map((each) => each.invariant)
      assert.ok(broken.includes(invariant), `${invariant}: only ${broken.join('; ')}`)
    }
  })
})
