/** A copy of everything that is stored about a learner. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { issueTicket } from '../../../src/accounts/second-step/login-tickets.ts'
import { beginSecondStep } from '../../../src/accounts/second-step/second-steps.ts'
import { findUser } from '../../../src/accounts/users.ts'
import { apiOf } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { addPasskey } from '../../support/authenticator.ts'
import { answer, passAll, saveAnswers } from '../../support/learning.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { askForChange, askForReset, headingOf, secretOf, VERIFY } from '../../support/mailed.ts'
import { type Browser, learner, openBrowser, somebody } from '../../support/people.ts'
import { idWithin, sessionCookieOf } from '../../support/sessions.ts'
import { firstPair } from '../../support/tokens.ts'

const mailbox = await openMailbox()
const app = await startApp({}, { atPublicUrl: true, mailbox })
const PAGE = '/account/data-export'
const take = (browser: Browser) => browser.submit(PAGE, {})

/** Somebody who has used every feature, so that every part of the copy has data. */
async function busyLearner() {
  const { person, browser } = await learner(app, 'Ada')
  await passAll(browser)
  await saveAnswers(browser)
  await answer(browser, 'focus', { primaryFocus: 'isaac' })
  await browser.submitTo('/dashboard', '/lessons/r1/progress', { state: 'started' })
  await browser.submitTo('/dashboard', '/lessons/r1/progress', { state: 'done' })
  await browser.submitTo('/dashboard', '/plan', { hours: '4' })
  await browser.submitTo('/plan', '/plan/calendar')
  const { email: next } = somebody('Ada')
  const letters = [
    await mailbox.letterTo(person.email, VERIFY.subject),
    await askForChange(browser, mailbox, next),
    await askForReset(openBrowser(app), mailbox, person.email),
  ]
  const [{ id = '' } = {}] = await app.sql<{ id: string }>`select id from users where email = ${person.email}`
  const user = (await findUser(app.sql, id)) ?? assert.fail('Ada is there')
  await beginSecondStep(app.deps, user, ['aaaaa-aaaaa'])
  const half = { passwordVersion: 0, amr: ['pwd'], remembered: false, next: '/dashboard' }
  await issueTicket(app.sql, id, half, app.deps.now())
  return { person, browser, next, letters }
}

/** Columns that the copy leaves out on purpose. */
const LEFT_OUT: Record<string, string[]> = {
  users: ['password_hash', 'password_version', 'devices_version', 'sign_up_form', 'second_step'],
  second_steps: ['user_id', 'sealed', 'last_step', 'devices_version'],
  recovery_codes: ['user_id', 'code_hash'],
  login_tickets: ['ticket_hash', 'user_id', 'password_version', 'kept'],
  mailed_codes: ['request_hash', 'code_hash', 'link_hash', 'user_id', 'password_version', 'kept'],
  passkeys: ['id', 'user_id', 'credential_id', 'public_key', 'sign_count', 'transports'],
  passkey_handles: ['user_id', 'handle'],
  sessions: ['sid', 'sess', 'handle', 'user_id', 'status_index'],
  email_tokens: ['id', 'token_hash', 'user_id', 'password_version', 'mail_id'],
  activity: ['id', 'user_id'],
  profiles: ['user_id'],
  progress: ['user_id'],
  plans: ['user_id', 'calendar_hash'],
}
/** Columns that have another name in the copy. */
const RENAMED: Record<string, string> = {
  'profiles.draft': 'notSavedYet',
  'progress.lesson_id': 'lesson',
  'sessions.created_at': 'signedInAt',
  'sessions.amr': 'signedInBy',
  'second_steps.confirmed_at': 'since',
  'login_tickets.amr': 'firstStep',
  'login_tickets.next': 'leadsTo',
  'mailed_codes.email': 'sentTo',
  'mailed_codes.next': 'leadsTo',
  'passkeys.backup_eligible': 'onSeveralDevices',
  'passkeys.backed_up': 'hasCopy',
  'passkeys.aaguid': 'model',
  'mailed_codes.tries': 'wrongTries',
  'sessions.seen_at': 'lastSeenAt',
  'sessions.expire': 'endsAt',
  'sessions.user_agent': 'device',
  'activity.user_agent': 'device',
  'activity.kind': 'what',
  'email_tokens.email': 'sentTo',
}
const SECTIONS: Record<string, string> = {
  users: 'account',
  profiles: 'answers',
  progress: 'progress',
  plans: 'plan',
  sessions: 'sessions',
  second_steps: 'secondStep',
  recovery_codes: 'recoveryCodes',
  login_tickets: 'loginsHalfDone',
  mailed_codes: 'mailedCodes',
  passkeys: 'passkeys',
  passkey_handles: 'passkeys',
  activity: 'activity',
  email_tokens: 'mailedLinks',
}

describe('the copy', () => {
  it('is a JSON file with the date in its name', async () => {
    const { browser } = await learner(app, 'Ada')
    const page = parse((await browser.get(PAGE)).text)
    assert.equal(page.querySelector('#export-form')?.getAttribute('method'), 'post')
    const { status, headers, text } = await take(browser)
    assert.equal(status, 200)
    assert.match(headers['content-type'] ?? '', /^application\/json/)
    assert.equal(headers['cache-control'], 'no-store')
    const date = new Date(app.deps.now()).toISOString().slice(0, 10)
    assert.equal(headers['content-disposition'], `attachment; filename=matricula-${date}.json`)
    assert.equal(JSON.parse(text).exportedAt.slice(0, 10), date)
  })

  it('holds every column of every table that is about the learner', async () => {
    const { browser, person } = await busyLearner()
    await app.sql`update users set email_verified = true where email = ${person.email}`
    await addPasskey(app, browser)
    await openBrowser(app).submit('/login/code', { email: person.email })
    const copy = JSON.parse((await take(browser)).text)
    assert.deepEqual(Object.keys(copy).toSorted(), [...new Set(Object.values(SECTIONS)), 'exportedAt'].toSorted())
    const columns = await app.sql<{ tableName: string; columnName: string }>`
      select table_name, column_name from information_schema.columns
      where table_schema = 'public' and (table_name = 'users' or table_name in (
        select table_name from information_schema.columns where table_schema = 'public' and column_name = 'user_id'
      ))`
    assert.deepEqual(
      [...new Set(columns.map(({ tableName }) => tableName))].toSorted(),
      Object.keys(SECTIONS).toSorted(),
    )
    for (const { tableName, columnName } of columns) {
      if (LEFT_OUT[tableName]?.includes(columnName)) continue
      const camel = columnName.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
      const key = RENAMED[`${tableName}.${columnName}`] ?? camel
      const part = copy[SECTIONS[tableName] ?? '']
      const [row] = [part].flat()
      assert.ok(row !== undefined && key in row, `${tableName}.${columnName} is not in the copy`)
    }
  })

  it('says what the tables say', async () => {
    const { person, browser, next } = await busyLearner()
    const copy = JSON.parse((await take(browser)).text)
    assert.equal(copy.account.name, person.name)
    assert.equal(copy.account.email, person.email)
    assert.equal(copy.account.emailVerified, false)
    assert.equal(copy.answers.primaryFocus, 'vla')
    assert.match(JSON.stringify(copy.answers.notSavedYet), /isaac/)
    assert.deepEqual(
      copy.progress.map(({ lesson, state, before }: Record<string, string>) => [lesson, state, before]),
      [['r1', 'done', 'started']],
    )
    assert.equal(copy.plan.weeklyHours, 4)
    assert.equal(copy.plan.calendarSince.slice(0, 4), String(new Date(app.deps.now()).getUTCFullYear()))
    assert.equal(copy.sessions.length, 1)
    assert.equal(copy.sessions[0].ipAddress, '127.0.0.1')
    assert.deepEqual(
      // Those of one request are of the same moment.
      copy.mailedLinks.map(({ purpose, sentTo }: Record<string, string>) => [purpose, sentTo]).sort(),
      [
        ['change-email', next],
        ['not-me', person.email],
        ['reset-password', person.email],
        ['verify-email', person.email],
      ],
    )
    assert.deepEqual(
      copy.activity.map(({ what }: Record<string, string>) => what),
      ['signed-up', 'email-change-asked', 'reset-asked'],
    )
    const again = JSON.parse((await take(browser)).text)
    assert.equal(again.activity.at(-1).what, 'exported')
  })

  it('of a learner who has done nothing is whole as well', async () => {
    const { browser } = await learner(app, 'Ada')
    const copy = JSON.parse((await take(browser)).text)
    assert.equal(copy.answers, null)
    assert.deepEqual([copy.progress, copy.plan], [[], null])
  })

  it('holds nothing that opens anything, and nothing of anybody else', async () => {
    const { person, browser, letters } = await busyLearner()
    await app.sql`update users set email_verified = true where email = ${person.email}`
    await addPasskey(app, browser)
    const { person: ben } = await learner(app, 'Ben')
    const { token, refreshToken } = await firstPair(apiOf(app, browser))
    const { text } = await take(browser)
    const rows = await app.sql<{ secret: string | null }>`
      select password_hash as secret from users union select sid from sessions union select handle from sessions
      union select token_hash from email_tokens union select token_hash from refresh_tokens
      union select credential_id from passkeys union select public_key from passkeys union select handle from passkey_handles
      union select sign_up_form from users union select calendar_hash from plans where calendar_hash is not null`
    const secrets = [
      ...rows.map(({ secret }) => secret),
      ...letters.map(secretOf),
      idWithin(sessionCookieOf(browser)),
      token,
      refreshToken,
      person.password,
      ben.email,
    ]
    for (const secret of secrets) assert.equal(secret !== null && text.includes(secret), false)
    assert.doesNotMatch(text, /\$2[aby]\$|hash|"sid"|handle/)
  })
})

it('ten copies an hour are enough', async () => {
  const { browser } = await learner(app, 'Ada')
  for (let time = 0; time < 10; time += 1) assert.equal((await take(browser)).status, 200)
  const tooMany = await take(browser)
  assert.deepEqual([tooMany.status, headingOf(tooMany)], [429, 'Too many tries'])
  const seconds = Number(tooMany.headers['retry-after'])
  assert.ok(seconds > 0 && seconds <= 3600, `Retry-After: ${seconds}`)
})
