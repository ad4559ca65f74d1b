/** The line in front of the hashing threads, with a clock of its own. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHashQueue, type HashQueue } from '../../src/accounts/passwords/hash-queue.ts'
import { Busy, ClientGone } from '../../src/base/failures.ts'

/** What a hash at cost 12 is worth, and what it is guessed to take. */
const UNITS = 2 ** 12
const HASH_MS = 250

/**
 * A queue for two threads, in which every hash takes 250 ms of a clock that the test moves. With two processes, each has one
 * of the threads, and chance decides where somebody comes.
 */
function startQueue({ processes = 1 } = {}) {
  let time = 0
  const queues: HashQueue[] = Array.from({ length: processes }, () => {
    const queue: HashQueue = createHashQueue({
      threads: 2 / processes,
      now: () => time,
      others: {
        count: processes - 1,
        tell(news) {
          for (const other of queues) if (other !== queue) other.hear(news)
        },
      },
    })
    return queue
  })
  let chance = 1
  function anyQueue(): HashQueue {
    // The same in every run (Park and Miller).
    chance = (chance * 48_271) % 0x7fffffff
    return queues[chance % processes] ?? assert.fail()
  }
  const running: { end: () => void; at: number }[] = []
  const finished: string[] = []

  /** Resolves to what became of a hash for this person. */
  function hash(name: string, signal?: AbortSignal): Promise<'done' | Busy | 'gone'> {
    const work = () => new Promise<void>((end) => running.push({ end, at: time + HASH_MS }))
    return anyQueue()
      .run(UNITS, work, { subject: name, signal })
      .then(
        () => {
          finished.push(name)
          return 'done' as const
        },
        (error: unknown) => {
          if (error instanceof ClientGone) return 'gone'
          if (error instanceof Busy) return error
          throw error
        },
      )
  }

  /** Lets the clock run to a time, and hashes end in the meantime. */
  async function runTo(end: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      const [next] = running.sort((one, other) => one.at - other.at)
      if (next === undefined || next.at > end) break
      running.shift()
      time = next.at
      next.end()
    }
    time = end
  }
  return { hash, runTo, finished, running, now: () => time, expectedWait: anyQueue().expectedWait }
}

const crowd = (count: number, name = 'learner') => Array.from({ length: count }, (_, index) => `${name} ${index}`)

describe('a storm of logins', () => {
  it('lets in who will be served within two seconds, in order, and sends the rest away at once', async () => {
    const { hash, runTo, finished, now, running } = startQueue()
    const served: number[] = []
    const outcomes = crowd(40).map(async (name) => {
      const outcome = await hash(name)
      if (outcome === 'done') served.push(now())
      return outcome
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(running.length, 2)
    await runTo(10_000)
    const sentAway = (await Promise.all(outcomes)).filter((outcome) => outcome instanceof Busy)
    assert.equal(finished.length, 11)
    assert.deepEqual(finished, crowd(11))
    assert.equal(sentAway.length, 29)
    assert.ok(Math.max(...served) < 2_000, `the last one after ${Math.max(...served)} ms`)
  })

  it('tells each a time of their own, one after the other at the pace of the threads', async () => {
    const { hash } = startQueue()
    const outcomes = crowd(200).map((name) => hash(name))
    const seconds = (await Promise.all(outcomes.slice(11))).map((outcome) => (outcome as Busy).retryAfterSeconds)
    assert.deepEqual(
      seconds,
      seconds.toSorted((one, other) => one - other),
    )
    // The 189 others need 23.6 s of two threads, after the 1.3 s of those who were let in.
    assert.equal(seconds[0], 2)
    assert.equal(seconds.at(-1), 25)
    const perSecond = new Map<number, number>()
    for (const second of seconds) perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    assert.ok(Math.max(...perSecond.values()) <= 8, 'no more at once than two threads do in a second')
  })

  for (const processes of [1, 2]) {
    it(`ends as soon as the hashes are done, when everybody comes back as told, with ${processes} of us`, async () => {
      const { hash, runTo, finished, now } = startQueue({ processes })
      const due = new Map(crowd(200).map((name) => [name, 0]))
      let away = 0
      while (due.size > 0) {
        for (const [name, at] of due) {
          if (at > now()) continue
          due.delete(name)
          void hash(name).then((outcome) => {
            if (!(outcome instanceof Busy)) return
            away += 1
            due.set(name, now() + 1_000 * outcome.retryAfterSeconds)
          })
        }
        await runTo(now() + 100)
        assert.ok(now() < 60_000, `${due.size} are still away`)
      }
      await runTo(now() + 2_000)
      assert.equal(finished.length, 200)
      // Pure hashing takes 25 s.
      assert.ok(now() - 2_000 < 1.3 * 25_000, `after ${now() - 2_000} ms`)
      assert.ok(away < 1.2 * 189, `${away} were sent away, some of them again`)
    })
  }

  it('keeps a place for whoever comes back, although newcomers arrive all the time', async () => {
    const { hash, runTo, now } = startQueue()
    for (const name of crowd(30)) void hash(name)
    const ada = await hash('Ada')
    assert.ok(ada instanceof Busy)
    const back = 1_000 * ada.retryAfterSeconds
    for (let number = 0; now() < back; number += 1) {
      // Four times what the threads can do.
      for (const name of crowd(4, `newcomer ${number}`)) void hash(name)
      await runTo(now() + 125)
    }
    const again = hash('Ada')
    await runTo(now() + 2_500)
    assert.equal(await again, 'done')
  })
})

for (const processes of [1, 2]) {
  it(`nobody who comes back as told is sent away again and again, although twice as many arrive as there is room for: ${processes}`, async () => {
    const { hash, runTo, now } = startQueue({ processes })
    const back = new Map(crowd(100).map((name) => [name, 0]))
    const sentAway = new Map<string, number>()
    for (let number = 0; back.size > 0 && now() < 60_000; number += 1) {
      for (const name of crowd(2, `newcomer ${number}`)) void hash(name)
      for (const [name, at] of back) {
        if (at > now()) continue
        back.delete(name)
        void hash(name).then((outcome) => {
          if (!(outcome instanceof Busy)) return
          sentAway.set(name, (sentAway.get(name) ?? 0) + 1)
          back.set(name, now() + 1_000 * outcome.retryAfterSeconds)
        })
      }
      await runTo(now() + HASH_MS / 2)
    }
    const most = Math.max(...sentAway.values())
    assert.ok(most <= 2, `somebody was sent away ${most} times`)
  })
}

describe('a place that is reserved', () => {
  it('counts before its work has come, and is given back when it does not', () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    const places = crowd(10).map((subject) => queue.keepPlace(UNITS, { subject }))
    assert.throws(() => queue.keepPlace(UNITS, { subject: 'Ada' }), Busy)
    assert.deepEqual(
      places.map(({ release }) => release()),
      Array(10).fill(true),
    )
    assert.equal(queue.expectedWait(), 0)
    assert.deepEqual(
      places.map(({ release }) => release()),
      Array(10).fill(false),
    )
    queue.keepPlace(UNITS, { subject: 'Ben' }).release()
  })

  it('for two hashes is waited for once: the second comes before everybody else', async () => {
    const queue = createHashQueue({ threads: 1 })
    const place = queue.keepPlace(UNITS, { subject: 'Ada' }, 2)
    const done: string[] = []
    const work = async (name: string) => void done.push(name)
    const first = queue.run(UNITS, () => work('Ada 1'), place)
    const others = ['Ben', 'Carl'].map((subject) => queue.run(UNITS, () => work(subject), { subject }))
    const second = queue.run(UNITS, () => work('Ada 2'), place)
    await Promise.all([first, ...others, second])
    assert.deepEqual(done, ['Ada 1', 'Ada 2', 'Ben', 'Carl'])
    assert.equal(place.release(), false)
  })

  it('is given back in part when only one of two hashes was needed', async () => {
    const queue = createHashQueue({ threads: 1 })
    const place = queue.keepPlace(UNITS, { subject: 'Ada' }, 2)
    await queue.run(UNITS, async () => {}, place)
    assert.ok(queue.expectedWait() > 0)
    assert.equal(place.release(), true)
    assert.equal(queue.expectedWait(), 0)
  })

  it('is not asked for again when the work comes', async () => {
    const queue = createHashQueue({ threads: 1 })
    const place = queue.keepPlace(UNITS, { subject: 'Ada' })
    assert.equal(await queue.run(UNITS, async () => 'done', place), 'done')
    assert.equal(place.release(), false)
  })
})

describe('whoever hangs up', () => {
  it('gives the place back before the hash is begun', async () => {
    const { hash, runTo, finished, expectedWait } = startQueue()
    const hangUp = new AbortController()
    const [one, two] = [hash('one'), hash('two')]
    const gone = crowd(8).map((name) => hash(name, hangUp.signal))
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(expectedWait() > 1_000)
    hangUp.abort()
    assert.deepEqual(new Set(await Promise.all(gone)), new Set(['gone']))
    assert.equal(expectedWait(), HASH_MS / 2)
    const next = hash('next')
    await runTo(1_000)
    await Promise.all([one, two, next])
    assert.deepEqual(finished, ['one', 'two', 'next'])
  })

  it('before asking is not let in', async () => {
    const { hash } = startQueue()
    assert.equal(await hash('Ada', AbortSignal.abort()), 'gone')
    const queue = createHashQueue({ threads: 2 })
    assert.throws(() => queue.keepPlace(UNITS, { subject: 'Ada', signal: AbortSignal.abort() }), ClientGone)
  })
})

describe('what a hash takes', () => {
  /** The wait behind so many hashes at cost 12, none of which ends. */
  function waitBehind(queue: ReturnType<typeof createHashQueue>, hashes: number): number {
    const places = crowd(hashes).map((subject) => queue.keepPlace(UNITS, { subject }))
    const wait = queue.expectedWait()
    for (const { release } of places) release()
    return wait
  }

  it('is measured, not guessed', () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    assert.equal(waitBehind(queue, 2), HASH_MS)
    for (let hashes = 0; hashes < 40; hashes += 1) queue.learn(UNITS, 100)
    assert.equal(Math.round(waitBehind(queue, 2)), 100)
    for (let hashes = 0; hashes < 40; hashes += 1) queue.learn(UNITS / 4, 100)
    assert.equal(Math.round(waitBehind(queue, 2)), 400)
  })

  it('is not believed to be long because of one that was held up', () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    queue.learn(UNITS, 60_000)
    assert.ok(waitBehind(queue, 2) <= 1.2 * HASH_MS)
  })

  it('is believed again after measurements that cannot be', () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    for (let hashes = 0; hashes < 1_000; hashes += 1) queue.learn(UNITS, 0)
    for (let hashes = 0; hashes < 40; hashes += 1) queue.learn(UNITS, HASH_MS)
    assert.ok(waitBehind(queue, 2) > 0.9 * HASH_MS)
  })

  it('sends nobody away from a line of tiny ones, however long they seem to take', () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    const tiny = 2 ** 4
    for (let hashes = 0; hashes < 100; hashes += 1) queue.learn(tiny, 1_000)
    for (const subject of crowd(200)) queue.keepPlace(tiny, { subject })
  })
})

describe('nobody is sent away', () => {
  it('while nobody else waits, though a hash takes seconds', async () => {
    const queue = createHashQueue({ threads: 2, now: () => 0 })
    for (let hashes = 0; hashes < 40; hashes += 1) queue.learn(UNITS, 2_000)
    const never = () => new Promise<void>(() => {})
    for (const subject of crowd(2)) void queue.run(4 * UNITS, never, { subject })
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(queue.expectedWait() > 1_500)
    queue.keepPlace(4 * UNITS, { subject: 'Ada' })
    assert.throws(() => queue.keepPlace(4 * UNITS, { subject: 'Ben' }), Busy)
  })

  it('from a thread that is free, though many are promised a place and do not come', async () => {
    const { hash, runTo, finished, now } = startQueue()
    for (const name of crowd(200)) void hash(name)
    await runTo(5_000)
    assert.equal(finished.length, 11)
    for (let number = 0; now() < 10_000; number += 1) {
      void hash(`newcomer ${number}`)
      await runTo(now() + HASH_MS / 2)
    }
    assert.ok(finished.length >= 11 + 35, `${finished.length - 11} of the 40 that two threads can do`)
  })

  it('from a thread that is free, though somebody else has a reservation', async () => {
    let time = 0
    const queue = createHashQueue({ threads: 3, now: () => time })
    const places = crowd(100).map((subject) => {
      try {
        return queue.keepPlace(UNITS, { subject })
      } catch {
        return undefined
      }
    })
    for (const place of places) place?.release()
    time = 1_500
    for (const subject of ['Ada', 'Ben', 'Carl']) queue.keepPlace(UNITS, { subject })
  })
})

describe('whoever was sent away', () => {
  it('and comes back too early is told the same time again, not a later one', async () => {
    const { hash, runTo, now } = startQueue()
    for (const name of crowd(100)) void hash(name)
    const ada = await hash('Ada')
    for (const name of crowd(50, 'newcomer')) void hash(name)
    assert.ok(ada instanceof Busy)
    await runTo(3_000)
    void crowd(11, 'filling the line').map((name) => hash(name))
    const again = await hash('Ada')
    assert.ok(again instanceof Busy)
    assert.equal(again.retryAfterSeconds, ada.retryAfterSeconds - 3)
    assert.equal(now(), 3_000)
  })

  it('is never told more than a minute, nor all the same', async () => {
    const { hash } = startQueue()
    const outcomes = await Promise.all(
      crowd(3_000)
        .map((name) => hash(name))
        .slice(11),
    )
    const seconds = outcomes.map((outcome) => (outcome as Busy).retryAfterSeconds)
    assert.ok(Math.max(...seconds) <= 60)
    const last = seconds.slice(-2_000)
    for (let second = 31; second <= 60; second += 1) assert.ok(last.filter((one) => one === second).length < 200)
  })
})
