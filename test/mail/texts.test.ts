/** The full text of every mail, and that an address or a link in it can never become markup. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'node-html-parser'
import { confirmNewEmail, newDevice, nothing, resetPassword, verifyEmail } from '../../src/mail/letters.ts'
import {
  accountDeleted,
  accountLeaving,
  addressInUse,
  addressOfLeaving,
  dataExported,
  emailChangeAsked,
  emailChanged,
  emailChangedWithUndo,
  emailPutBack,
  guessingStopped,
  newLogin,
  passwordChanged,
} from '../../src/mail/notices.ts'
import type { Draft } from '../../src/mail/outbox.ts'

const HOUR = 60 * 60_000
const DAY = 24 * HOUR
const IF_NOT_YOU =
  'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button signs out every device, and you choose a new password:'
const IGNORE = 'If you did not ask for this, ignore this email. Nothing changes without you.'

type Given = { to: string; link: string; newEmail: string }
type Text = { of: (given: Given) => Draft; kind: string; lastsMs: number; subject: string; paragraphs: string[] }

const GIVEN: Given = {
  to: 'ada@example.org',
  link: 'https://learn.example.org/a/link?x=1&y=2',
  newEmail: 'new.ada@example.com',
}

const UNTIL = new Date('2026-03-14T10:32:07Z')

const TEXTS: Text[] = [
  {
    of: ({ to, link }) => verifyEmail(to, link),
    kind: 'verify-email',
    lastsMs: DAY,
    subject: 'Confirm your email address',
    paragraphs: [
      'Confirm that this is the email address of your Matricula account. Open this link and press the button:',
      GIVEN.link,
      'The link works for 24 hours.',
      'If you did not sign up, ignore this email, or open the link and say so there: you then make the account yours, or remove it.',
    ],
  },
  {
    of: ({ to, link }) => resetPassword(to, link),
    kind: 'reset-password',
    lastsMs: HOUR,
    subject: 'Reset your password',
    paragraphs: [
      'Open this link to choose a new password for Matricula:',
      GIVEN.link,
      'The link works once, for one hour.',
      IGNORE,
    ],
  },
  {
    of: ({ to, link }) => newDevice(to, link),
    kind: 'new-device',
    lastsMs: HOUR,
    subject: 'Log in from a new device',
    paragraphs: [
      'Open this link on the device from which you want to log in to Matricula, and press the button. Your password works there afterwards:',
      GIVEN.link,
      'The link works once, for one hour.',
      IGNORE,
    ],
  },
  {
    of: ({ to, link }) => guessingStopped(to, link),
    kind: 'guessing-stopped',
    lastsMs: 2 * DAY,
    subject: 'Too many wrong passwords for your account',
    paragraphs: [
      'A wrong password for your Matricula account was typed 100 times in a row, on devices that had not logged in before. None of these tries got in, and such devices cannot try any more.',
      'You need do nothing. Devices from which you have logged in work as before. To log in from another one, get a link for it here:',
      GIVEN.link,
      'This is the only email about it.',
    ],
  },
  {
    of: ({ to, link }) => passwordChanged(to, link),
    kind: 'password-changed',
    lastsMs: 2 * DAY,
    subject: 'Your password was changed',
    paragraphs: ['The password of your Matricula account was changed just now.', IF_NOT_YOU, GIVEN.link],
  },
  {
    of: ({ to, link }) => confirmNewEmail(to, link),
    kind: 'change-email',
    lastsMs: DAY,
    subject: 'Confirm your new email address',
    paragraphs: [
      'Somebody wants to use this address for their Matricula account. If it is you, open this link and press the button:',
      GIVEN.link,
      'The link works once, for 24 hours.',
      IGNORE,
    ],
  },
  {
    of: ({ to, ...rest }) => emailChangeAsked(to, rest),
    kind: 'email-change-asked',
    lastsMs: 2 * DAY,
    subject: 'Your email address is about to change',
    paragraphs: [
      `The address of your Matricula account is to become ${GIVEN.newEmail}. It changes when the link that we sent there is confirmed.`,
      'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button cancels the change and signs out every device, and you choose a new password:',
      GIVEN.link,
    ],
  },
  {
    of: ({ to, ...rest }) => emailChanged(to, rest),
    kind: 'email-changed',
    lastsMs: 2 * DAY,
    subject: 'Your email address was changed',
    paragraphs: [
      `The address of your Matricula account is now ${GIVEN.newEmail}. This address no longer belongs to it.`,
      'If it was not you, write to us:',
      GIVEN.link,
    ],
  },
  {
    of: ({ to, ...rest }) => emailChangedWithUndo(to, rest),
    kind: 'email-changed',
    lastsMs: 2 * DAY,
    subject: 'Your email address was changed',
    paragraphs: [
      `The address of your Matricula account is now ${GIVEN.newEmail}. This address no longer belongs to it.`,
      'If it was you, there is nothing to do. If it was not, open this link within 7 days. Its button puts this address back and signs out every device, and you choose a new password:',
      GIVEN.link,
    ],
  },
  {
    of: ({ to, link }) => emailPutBack(to, link),
    kind: 'email-put-back',
    lastsMs: 2 * DAY,
    subject: 'Your email address was changed back',
    paragraphs: [
      'This address no longer belongs to a Matricula account: the address of before is back. Somebody who reads emails there said that they had not changed it.',
      'If the account is yours, write to us:',
      GIVEN.link,
    ],
  },
  ...[
    { amr: ['pwd'], way: 'with your password' },
    { amr: ['pwd', 'otp', 'mfa'], way: 'with your password and the second step' },
    { amr: ['otp'], way: 'with a code that we emailed to you' },
    { amr: ['otp', 'mfa'], way: 'with a code that we emailed to you and the second step' },
    { amr: ['hwk', 'user', 'mfa'], way: 'with a passkey' },
    { amr: ['swk', 'user', 'mfa'], way: 'with a passkey' },
  ].map(({ amr, way }) => ({
    of: ({ to, link }: Given) =>
      newLogin(to, {
        ...{ device: 'Firefox on Linux', network: '203.0.113.x', at: new Date('2026-11-29T20:05:59Z'), amr, link },
      }),
    kind: 'new-login',
    lastsMs: 2 * DAY,
    subject: 'A new device was used to log in',
    paragraphs: [
      `Somebody logged in to your Matricula account ${way}, on a device that we do not know: Firefox on Linux, network 203.0.113.x, on 29 November 2026 at 20:05 (UTC).`,
      IF_NOT_YOU,
      GIVEN.link,
      'On your account page you can turn these emails off.',
    ],
  })),
  {
    of: ({ to, link }) => dataExported(to, link),
    kind: 'data-exported',
    lastsMs: 2 * DAY,
    subject: 'A copy of your data was downloaded',
    paragraphs: ['A copy of everything in your Matricula account was downloaded just now.', IF_NOT_YOU, GIVEN.link],
  },
  {
    of: ({ to, link }) => addressInUse(to, link),
    kind: 'address-in-use',
    lastsMs: 2 * DAY,
    subject: 'You already have an account',
    paragraphs: [
      'Somebody wanted to use this address for their Matricula account. You have an account with it already, and nothing has changed.',
      'If it was you, log in with this address, or reset its password here:',
      GIVEN.link,
    ],
  },
  {
    of: ({ to, link }) => addressOfLeaving(to, { link, until: UNTIL }),
    kind: 'address-in-use',
    lastsMs: 2 * DAY,
    subject: 'Your account is about to be deleted',
    paragraphs: [
      'Somebody wanted to use this address for their Matricula account. It belongs to the one that you deleted, and nothing has changed.',
      'That account is deleted for good on 14 March 2026 at 10:32 (UTC), and the address is free then. To keep the account, or to delete it at once, enter this address here and we send you a link:',
      GIVEN.link,
    ],
  },
  {
    of: ({ to, link }) => accountLeaving(to, { link, until: UNTIL, lastsMs: 3 * DAY }),
    kind: 'account-leaving',
    lastsMs: 3 * DAY,
    subject: 'Your account is about to be deleted',
    paragraphs: [
      'Your Matricula account was deleted, as you asked. Nobody can use it now. On 14 March 2026 at 10:32 (UTC) everything in it is deleted for good.',
      'Until then you can change your mind. Open this link and press the button:',
      GIVEN.link,
      'If it was not you who deleted it, say so there: the account is kept, and you choose a new password.',
      'If you do nothing, this is the last email you get from us.',
    ],
  },
  {
    of: ({ to }) => accountDeleted(to),
    kind: 'account-deleted',
    lastsMs: 2 * DAY,
    subject: 'Your account was deleted',
    paragraphs: [
      'Your Matricula account and everything in it was deleted, as you asked. Your address is free to sign up again.',
      'This is the last email you get from us.',
    ],
  },
]

const inHtml = (html: string) => {
  const page = parse(html)
  return {
    title: page.querySelector('title')?.text,
    paragraphs: page.querySelectorAll('body > p').map((paragraph) => paragraph.text),
    links: page.querySelectorAll('[href]').map((link) => link.getAttribute('href')),
    elements: [...new Set(page.querySelectorAll('*').map(({ tagName }) => tagName.toLowerCase()))].sort(),
  }
}

describe('the mail', () => {
  for (const { of, kind, lastsMs, subject, paragraphs } of TEXTS) {
    it(`"${subject}" says the same in plain text and in HTML, with its link on a line of its own`, () => {
      const draft = of(GIVEN)
      const { mail } = draft
      assert.deepEqual({ kind: draft.kind, lastsMs: draft.lastsMs }, { kind, lastsMs })
      assert.deepEqual({ to: mail.to, subject: mail.subject }, { to: GIVEN.to, subject })
      assert.equal(mail.text, `${['Hello,', ...paragraphs, 'Matricula'].join('\n\n')}\n`)
      const linked = paragraphs.includes(GIVEN.link)
      assert.deepEqual(inHtml(mail.html), {
        title: subject,
        paragraphs: ['Hello,', ...paragraphs, 'Matricula'],
        links: linked ? [GIVEN.link] : [],
        // No picture, style or script, so that reading the mail fetches nothing.
        elements: [...(linked ? ['a'] : []), 'body', 'head', 'html', 'meta', 'p', 'title'],
      })
      assert.match(mail.html, /<meta charset="utf-8">/)
    })
  }

  it('to nobody is no shorter than half of the one it stands for, and has no recipient', () => {
    assert.equal(nothing.mail.to, '')
    const real = resetPassword(GIVEN.to, `https://learn.example.org/password-reset/link/${'A'.repeat(24)}`)
    assert.ok(JSON.stringify(nothing.mail).length * 2 > JSON.stringify(real.mail).length, 'comparable work')
  })
})

const HOSTILE: Record<string, Partial<Given>> = {
  'HTML in an address': { newEmail: '"><img src=//evil.example/x>@example.org' },
  'a script in an address': { newEmail: '<script>alert(1)</script>@example.org' },
  'a link in an address': { newEmail: '<a href="https://evil.example/">here</a>@example.org' },
  'a line with a link in an address': { newEmail: 'x@example.org\r\n\r\nhttps://evil.example/login\r\n\r\n' },
  'a header in an address': { newEmail: 'x@example.org\r\nBcc: many@evil.example' },
  'a bare carriage return in an address': { newEmail: 'x@example.org\rhttps://evil.example/login' },
  'a line of Unicode in an address': { newEmail: 'x@example.org\u2028https://evil.example/login\u2029' },
  'an attribute in a link': { link: 'https://learn.example.org/" onclick="alert(1)' },
  'an element in a link': { link: 'https://learn.example.org/<img src=x onerror=alert(1)>' },
  'a second line in a link': { link: 'https://learn.example.org/a\r\n\r\nhttps://evil.example/login' },
  'a reference in a link': { link: 'https://learn.example.org/?a=&lt;b&gt;&amp;c' },
}

describe('[T24, X01] stays text:', () => {
  for (const [name, hostile] of Object.entries(HOSTILE)) {
    it(name, () => {
      const given = { ...GIVEN, ...hostile }
      for (const { of, paragraphs } of TEXTS) {
        const { mail } = of(given)
        const links = mail.text.split(/[\r\n\u2028\u2029]/).filter((line) => /^https?:/.test(line))
        const seen = inHtml(mail.html)
        const linked = paragraphs.includes(GIVEN.link)
        assert.equal(links.length, linked ? 1 : 0)
        assert.deepEqual(seen.links, links.slice(0, linked ? 1 : 0))
        assert.equal(links[0]?.startsWith('https://learn.example.org/') ?? true, true)
        assert.equal(seen.paragraphs.length, paragraphs.length + 2)
        assert.deepEqual(seen.elements, [...(linked ? ['a'] : []), 'body', 'head', 'html', 'meta', 'p', 'title'])
        assert.deepEqual(
          parse(mail.html)
            .querySelectorAll('a')
            .map(({ attributes }) => Object.keys(attributes)),
          linked ? [['href']] : [],
        )
        assert.doesNotMatch(mail.subject, /[\r\n]/)
      }
    })
  }
})
