/** The operator's commands for one learner: finding them, helping them, keeping them out, letting them go. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findCredentials } from '../../src/accounts/users.ts'
import { guess, shutStrangersOut, TRIES, useUp } from '../support/guessing.ts'
import { startWithCommands } from '../support/keys-cli.ts'
import { openMailbox } from '../support/mailbox.ts'
import { headingOf, open, VERIFY } from '../support/mailed.ts'
import { learner, openBrowser, type Person, somebody } from '../support/people.ts'
import { eventually } from '../support/process.ts'
import { sessionsOf } from '../support/sessions.ts'

const mailbox = await openMailbox()
const { app, cli, done } = await startWithCommands({ mailbox })
const { sql } = app

const idOf = async ({ email }: Pick<Person, 'email'>): Promise<string> =>
  (await findCredentials(sql, email))?.user.id ?? assert.fail('there is no such account')

const json = async (...args: string[]) => JSON.parse((await done(...args, '--json')).join('\n'))

/** What the audit says of this account, the newest first: who, which command, how it ended. */
const auditOf = async (id: string): Promise<string[]> => {
  const entries = await sql<{ who: string; what: string; outcome: string; details: unknown }>`
    select who, what, outcome, details from audit where whom = ${id} order by id desc`
  return entries.map(({ who, what, outcome, details }) => `${who}: ${what} ${JSON.stringify(details)} ${outcome}`)
}

describe('users find', () => {
  it('finds by a part of the address or the name, in letters of any case, and by the beginning of the id', async () => {
    const { person, browser } = await learner(app, 'Adele')
    await browser.submitTo('/account', '/account', { name: 'Zoë Ünlü%' })
    const id = await idOf(person)
    for (const part of [person.email.slice(2, 15).toUpperCase(), 'ZOË ü', '%', id.slice(0, 12), person.email]) {
      const lines = await done('users', 'find', part)
      assert.equal(lines.length, 1, part)
      assert.ok(lines[0]?.startsWith(`${id}  ${person.email}  Zoë Ünlü%  since `), lines[0])
    }
    const [found] = await json('users', 'find', person.email)
    assert.deepEqual([found.id, found.email, found.suspendedAt], [id, person.email, null])
    assert.deepEqual(await done('users', 'find', `_${person.email.slice(1)}`), ['Nobody.'])
  })

  it('lists as many as it is told to', async () => {
    for (const name of ['Many', 'Many', 'Many']) await learner(app, name)
    assert.equal((await json('users', 'find', 'many-', '--limit', '2')).length, 2)
    for (const limit of ['0', '1001', 'x', '1.5']) {
      const { code, err } = await cli(['users', 'find', 'many-', '--limit', limit])
      assert.equal(code, 64)
      assert.match(err, /^A limit is a whole number/)
    }
  })

  it('prints nothing of a name that could steer a terminal', async () => {
    const { person } = await learner(app, 'Eve')
    await sql`update users set name = ${'Eve\u001b]0;hello\u0007\nroot'} where email = ${person.email}`
    const lines = await done('users', 'find', person.email)
    assert.equal(lines.length, 1)
    assert.doesNotMatch(lines.join(''), /[\u0000-\u001f]/)
  })
})

describe('users show', () => {
  it('says what support needs, by address or id, and no secret', async () => {
    const { person } = await learner(app, 'Ben')
    await guess(app, person)
    const id = await idOf(person)
    await eventually('the failure and the mail to be noted', async () => {
      const text = (await done('users', 'show', id)).join('\n')
      return text.includes('A login failed') && text.includes('handed-over')
    })
    const lines = await done('users', 'show', person.email.toUpperCase())
    assert.deepEqual(lines, await done('users', 'show', id))
    const text = lines.join('\n')
    for (const part of [
      id,
      `${person.email} (not confirmed)`,
      /^state +open$/m,
      /^password +set$/m,
      /^passkeys +0$/m,
      /^open sessions: 1$/m,
    ])
      assert.ok(typeof part === 'string' ? text.includes(part) : part.test(text), `${part} in ${text}`)
    assert.match(text, /^ {2}verify-email +asked for at \S+ +handed-over at \S+Z$/m)
    const shown = JSON.stringify(await json('users', 'show', id))
    const [row] = await sql<{ hash: string; handle: string; sid: string }>`
      select u.password_hash as hash, s.handle, s.sid from users u join sessions s on s.user_id = u.id where u.id = ${id}`
    for (const secret of [row?.hash, row?.handle, row?.sid]) assert.ok(secret && !`${text}${shown}`.includes(secret))
  })
})

type Cause = {
  /** Makes the cause, and returns the name that the operator is given. */
  make: () => Promise<string>
  stops: boolean
  says: RegExp
  help: RegExp
}
const person = async (name: string): Promise<Person> => (await learner(app, name)).person

const CAUSES: Record<string, Cause> = {
  'ten wrong passwords': {
    async make() {
      const { email } = await person('Pausing')
      for (let tries = 0; tries < TRIES; tries += 1) await guess(app, { email })
      return email
    },
    stops: true,
    says: /^Too many wrong passwords: until \S+Z none is taken/,
    help: /^users unlock /,
  },
  'a hundred wrong passwords': {
    async make() {
      const { email } = await person('Closed')
      await shutStrangersOut(app, { email })
      return email
    },
    stops: true,
    says: /^100 wrong passwords in a row: until \S+Z only devices that have logged in before get in.*\/new-device$/,
    help: /^users unlock /,
  },
  'a suspension': {
    async make() {
      const { email } = await person('Barred')
      await done('users', 'suspend', email, '--reason', 'Sold answers', '--quiet')
      return email
    },
    stops: true,
    says: /^Suspended since \S+Z: Sold answers$/,
    help: /^users resume /,
  },
  'a deletion that can be taken back': {
    async make() {
      const { person: leaver, browser } = await learner(app, 'Leaving')
      await browser.submit('/account/account-deletion', { password: leaver.password, sure: 'yes' })
      return leaver.email
    },
    stops: true,
    says: /^The account is deleted\. It can be taken back until \S+Z/,
    help: /\/password-reset$/,
  },
  'a deletion for good': {
    async make() {
      const { email } = await person('Gone')
      const id = await idOf({ email })
      await done('users', 'delete', id, '--now')
      return id
    },
    stops: true,
    says: /^The account was deleted for good at \S+Z\.$/,
    help: /sign up again/,
  },
  'an address that nobody has': {
    make: async () => somebody('Nobody').email,
    stops: true,
    says: /^Nobody has this address/,
    help: /users find$/,
  },
  'an account without a password': {
    async make() {
      const { email } = await person('Notme')
      const browser = openBrowser(app)
      await browser.logIn({ email, password: 'plain tidy copper lantern' })
      await open(browser, await mailbox.letterTo(email, /A new device was used/))
      await browser.submit('/not-me/confirm', {})
      return email
    },
    stops: true,
    says: /^The account has no password/,
    help: /\/password-reset$/,
  },
  'a hash that no password can match': {
    async make() {
      const { email } = await person('Damaged')
      await sql`update users set password_hash = left(password_hash, -1) where email = ${email}`
      return email
    },
    stops: true,
    says: /^No password can match the stored hash/,
    help: /^Put that secret behind the others/,
  },
  'an address that is not confirmed': {
    make: async () => (await person('Unconfirmed')).email,
    stops: false,
    says: /^The address is not confirmed\. That keeps nobody out\.$/,
    help: /^users verify /,
  },
  'a mail that their server refuses': {
    async make() {
      const newcomer = somebody('Refused')
      mailbox.set('unknown', newcomer.email)
      await openBrowser(app).signUp(newcomer)
      await eventually('the refusal to be noted', async () => {
        const rows = await sql`
          select 1 as one from mail_outcomes o join email_tokens t on t.mail_id = o.id where t.email = ${newcomer.email}`
        return rows.length > 0
      })
      return newcomer.email
    },
    stops: false,
    says: /^The email with the link that confirms the address, .* was refused by their mail server at \S+Z: it gives no reason/,
    help: /^Look at the address/,
  },
  'a mail that waits': {
    async make() {
      const newcomer = somebody('Waiting')
      mailbox.set('busy', newcomer.email)
      await openBrowser(app).signUp(newcomer)
      await eventually('a first try', async () => {
        const rows = await sql`
          select 1 as one from outbox o join email_tokens t on t.mail_id = o.id where t.email = ${newcomer.email} and attempts > 0`
        return rows.length > 0
      })
      return newcomer.email
    },
    stops: false,
    says: /waits: \d+ tries so far, the next at \S+Z\.$/,
    help: /log/,
  },
  'asking for a new password too often': {
    async make() {
      const { email } = await person('Asking')
      for (let count = 0; count < 3; count += 1) await openBrowser(app).submit('/password-reset', { email })
      return email
    },
    stops: true,
    says: /^Asked for too often: until \S+Z no further email with the link for a new password/,
    help: /^users unlock /,
  },
  'a slip in the address': {
    async make() {
      const { email } = await person('Similar')
      return email.replace('similar', 'simliar')
    },
    stops: false,
    says: /^Somebody else has nearly this address: similar-\w+@example\.org$/,
    help: /^users why \w{32}$/,
  },
  'an address that is none': {
    async make() {
      const { email } = await person('Undotted')
      return email.replace('.org', 'org')
    },
    stops: false,
    says: /^Somebody else has nearly this address: undotted-\w+@example\.org$/,
    help: /^users why \w{32}$/,
  },
  'too many sign-ups with one address': {
    async make() {
      const { email } = somebody('Again')
      await useUp(app, 'accountsByAddress', email, 3)
      return email
    },
    stops: true,
    says: /^Too many sign-ups with this address: until \S+Z/,
    help: /^users unlock again-\w+@example\.org$/,
  },
}

describe('users why', () => {
  for (const [cause, { make, stops, says, help }] of Object.entries(CAUSES)) {
    it(`names ${cause}, and what helps`, async () => {
      const whom = await make()
      const { obstacles } = await json('users', 'why', whom)
      const found = obstacles.find((one: { says: string }) => says.test(one.says))
      assert.ok(found, JSON.stringify(obstacles))
      assert.equal(found.stops, stops)
      assert.match(found.help, help)
      const lines = await done('users', 'why', whom)
      // Times in it may be others by now: a mail that waits has been tried again.
      const start = stops ? 'stops  ' : 'also   '
      const at = lines.findIndex((line) => line.startsWith(start) && says.test(line.slice(start.length)))
      assert.equal(lines[at + 1], `       ${found.help}`)
      assert.match(lines.at(-1) ?? '', /^Not seen from here: limits of their network/)
    })
  }

  it('says so where nothing is in the way, and names what a server without mail lacks', async () => {
    const { email } = await person('Fine')
    const lines = await done('users', 'why', email)
    assert.match(lines[1] ?? '', /^Nothing that is stored keeps them out\./)
    const without = await cli(['users', 'why', email], { SMTP_URL: '', MAIL_FROM: '' })
    assert.match(without.out.join('\n'), /This server sends no email/)
    const unknown = await cli(['users', 'why', 'n0body'])
    assert.equal(unknown.code, 66)
  })
})

describe('an operator', () => {
  it('unlocks an address: its owner logs in from a new device at once', async () => {
    const closed = await person('Locked')
    await shutStrangersOut(app, closed)
    assert.equal((await openBrowser(app).logIn(closed)).status, 429)
    assert.deepEqual(await done('users', 'unlock', closed.email, '--as', 'Grace'), [
      'All tries are forgotten. Free again: login-on-new-devices.',
    ])
    assert.equal((await openBrowser(app).logIn(closed)).status, 303)
    assert.deepEqual(await auditOf(await idOf(closed)), ['Grace: users unlock {} done'])
    const { email } = somebody('Stranger')
    await useUp(app, 'accountsByAddress', email, 3)
    assert.deepEqual(await done('users', 'unlock', email), ['All tries are forgotten. Free again: sign-up.'])
    assert.equal((await openBrowser(app).signUp({ name: 'S', email, password: closed.password })).status, 303)
    const [noted] = await sql<{
      found: boolean
    }>`select exists (select 1 from audit where audit::text like ${`%${email}%`}) as found`
    assert.equal(noted?.found, false, 'no address stands in the audit')
  })

  it('suspends an account and opens it again', async () => {
    const { person: barred, browser } = await learner(app, 'Ida')
    const id = await idOf(barred)
    const told = await done('users', 'suspend', barred.email, '--reason', 'Sold answers', '--as', 'Grace')
    assert.deepEqual(told, ['The account is suspended and its sessions have ended. They are told by email.'])
    assert.equal(await browser.whoAmI(), undefined)
    assert.equal(headingOf(await browser.logIn(barred)), 'This account is suspended')
    assert.equal((await cli(['users', 'suspend', id, '--reason', 'Again'])).code, 65)
    assert.match((await done('users', 'show', id)).join('\n'), /^state +suspended since \S+Z\nreason +Sold answers$/m)
    assert.match((await done('users', 'find', barred.email))[0] ?? '', / suspended since \S+Z$/)
    assert.deepEqual(await done('users', 'resume', id, '--quiet'), ['The account is open again. They are not told.'])
    assert.equal((await browser.logIn(barred)).status, 303)
    assert.equal((await cli(['users', 'resume', id])).code, 65)
    const [resumedAgain, resumed, suspendedAgain, suspended] = await auditOf(id)
    assert.match(resumedAgain ?? '', /users resume .* failed$/)
    assert.match(resumed ?? '', /users resume \{"mailed":false\} done$/)
    assert.match(suspendedAgain ?? '', /users suspend .* failed$/)
    assert.equal(suspended, 'Grace: users suspend {"mailed":true} done')
    for (const reason of [[], ['--reason', ''], ['--reason', 'two\nlines'], ['--reason', 'x'.repeat(501)]]) {
      const { code, err } = await cli(['users', 'suspend', id, ...reason])
      assert.equal(code, 64)
      assert.match(err, /^Why\? Give --reason/)
    }
  })

  it('ends all sessions of a learner', async () => {
    const { person: owner, browser } = await learner(app, 'Jo')
    await openBrowser(app).logIn(owner)
    assert.deepEqual(await done('users', 'sign-out', owner.email), ['2 sessions have ended.'])
    assert.deepEqual(await sessionsOf(app, owner), [])
    assert.equal(await browser.whoAmI(), undefined)
    await browser.logIn(owner)
    assert.match((await browser.get('/account/sessions')).text, /logged out all devices/)
  })

  it('confirms an address, once', async () => {
    const owner = await person('Kim')
    await mailbox.letterTo(owner.email, VERIFY.subject)
    assert.deepEqual(await done('users', 'verify', owner.email), ['The address counts as confirmed.'])
    assert.equal((await findCredentials(sql, owner.email))?.user.emailVerified, true)
    assert.deepEqual(await done('users', 'verify', owner.email), ['The address was confirmed already.'])
    assert.equal((await auditOf(await idOf(owner))).length, 1)
  })

  it('makes the copy of the data, which its owner sees in the list of what happened', async () => {
    const { person: owner, browser } = await learner(app, 'Lou')
    const copy = JSON.parse((await done('users', 'export', owner.email)).join('\n'))
    assert.equal(copy.account.email, owner.email)
    assert.deepEqual(copy.sessions.length, 1)
    assert.match((await browser.get('/account/sessions')).text, /made a copy of the data <span class="hint"><time/)
  })

  it('deletes an account as its owner does, and for good', async () => {
    const owner = await person('Max')
    const id = await idOf(owner)
    assert.match(
      (await done('users', 'delete', owner.email)).join(),
      /^The account is deleted\. It can be taken back until \S+Z\.$/,
    )
    assert.equal((await openBrowser(app).logIn(owner)).status, 422)
    assert.match((await mailbox.letterTo(owner.email, /about to be deleted/)).text, /you can change your mind/)
    const again = await cli(['users', 'delete', id])
    assert.deepEqual([again.code, /^The account is deleted already/.test(again.err)], [65, true])
    for (const command of ['verify', 'sign-out', 'export'])
      assert.equal((await cli(['users', command, id])).code, 65, command)
    assert.deepEqual(await done('users', 'delete', id, '--now', '--as', 'Grace'), ['The account is deleted for good.'])
    assert.equal((await cli(['users', 'show', id])).code, 66)
    assert.equal((await auditOf(id))[0], 'Grace: users delete {"now":true} done')
    assert.equal((await openBrowser(app).signUp(owner)).status, 303)
  })

  it('suspends an account that is deleted, which is still suspended when it comes back', async () => {
    const { person: leaver, browser } = await learner(app, 'Ned')
    await browser.submit('/account/account-deletion', { password: leaver.password, sure: 'yes' })
    const letter = await mailbox.letterTo(leaver.email, /about to be deleted/)
    await done('users', 'suspend', leaver.email, '--reason', 'Meanwhile', '--quiet')
    await open(browser, letter)
    await browser.submitTo('/deletion-undo', '/deletion-undo')
    assert.equal(headingOf(await browser.logIn(leaver)), 'This account is suspended')
  })

  const UNKNOWN = ['show', 'suspend', 'resume', 'sign-out', 'verify', 'delete', 'export', 'unlock']
  for (const command of UNKNOWN) {
    it(`is told that there is nobody of this id: ${command}`, async () => {
      const more = command === 'suspend' ? ['--reason', 'x'] : []
      const { code, out, err } = await cli(['users', command, 'n0body', ...more])
      assert.deepEqual([code, out], [66, []])
      assert.match(err, /^Nobody has this address or id\./)
    })
  }
})
