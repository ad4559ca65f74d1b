/** The three ways to write the log. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Unavailable } from '../../src/base/failures.ts'
import { createLog } from '../../src/base/log.ts'
import type { LogFormat } from '../../src/base/log-format.ts'

const REQUEST = { requestId: 'abcdefgh', method: 'GET', route: '/lessons/:lesson', status: 200, finished: true, ms: 12 }

function written(format: LogFormat, say: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  say(createLog('info', { format, destination: { write: (line) => void lines.push(line) } }))
  return lines.join('')
}

/** An error as the driver throws it: its message and detail hold what somebody typed. */
const fromDatabase = Object.assign(new Error('duplicate key (ada@learn.example)'), {
  severity: 'ERROR',
  code: '23505',
  detail: 'Key (email)=(ada@learn.example) already exists.',
})

describe('a line of the log', () => {
  it('is JSON by itself', () => {
    const line = JSON.parse(written('json', (log) => log.info({ ...REQUEST, user: 'f00' })))
    assert.deepEqual({ ...line, time: 0 }, { level: 30, time: 0, ...REQUEST, user: 'f00' })
  })

  it('has the names of the Elastic Common Schema', () => {
    const line = JSON.parse(written('ecs', (log) => log.info({ ...REQUEST, user: 'f00', traceId: 'c0ffee' }, 'done')))
    assert.ok(Math.abs(Date.parse(line['@timestamp']) - Date.now()) < 600_000)
    assert.deepEqual(
      { ...line, '@timestamp': '' },
      {
        '@timestamp': '',
        'log.level': 'info',
        'ecs.version': '8.11',
        'service.name': 'matricula',
        message: 'done',
        'http.request.id': 'abcdefgh',
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'event.duration': 12_000_000,
        'user.hash': 'f00',
        'trace.id': 'c0ffee',
        matricula: { route: '/lessons/:lesson', finished: true },
      },
    )
  })

  it('is short for people', () => {
    const text = written('pretty', (log) => {
      log.info(REQUEST)
      log.info({ ...REQUEST, route: null, status: null, finished: false })
      log.warn({ kind: 'verify-email', tries: 2 }, 'a mail waits')
    })
    const [answered, cut, waits] = text.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''))
    assert.equal(answered, 'GET /lessons/:lesson 200, 12 ms')
    assert.equal(cut, 'GET (no route) no answer, 12 ms, cut off')
    assert.equal(waits, 'WARNING a mail waits kind=verify-email tries=2')
  })

  for (const format of ['json', 'ecs', 'pretty'] as const) {
    it(`tells of an error without what it carries: ${format}`, () => {
      const text = written(format, (log) => {
        log.error({ err: fromDatabase, requestId: 'abcdefgh' }, 'request failed')
        log.warn({ err: new Unavailable('the database is out of reach', { cause: fromDatabase }) }, 'request failed')
      })
      assert.match(text, /23505/)
      assert.match(text, /the database is out of reach/)
      assert.match(text, /log-format\.test/, 'the stack is there')
      assert.doesNotMatch(text, /ada@learn/)
    })
  }

  it('has the type, the message and the stack of an error where the Elastic Common Schema has them', () => {
    const line = JSON.parse(
      written('ecs', (log) => log.error({ err: new TypeError('nothing there') }, 'request failed')),
    )
    assert.deepEqual(
      [line['log.level'], line['error.type'], line['error.message']],
      ['error', 'TypeError', 'nothing there'],
    )
    assert.match(line['error.stack_trace'], /^\s+at /)
  })
})
