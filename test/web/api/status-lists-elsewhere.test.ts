/** The status list in the eyes of somebody else's implementation: it reads what we write, and we read what it writes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inflateSync } from 'node:zlib'
import { getListFromStatusListJWT, getStatusListFromJWT, StatusList } from '@sd-jwt/jwt-status-list'
import { bitsOf, compressed, LIST_SIZE } from '../../../src/tokens/status-lists.ts'
import { apiLearner } from '../../support/api.ts'
import { startApp } from '../../support/app.ts'
import { exchange } from '../../support/raw-http.ts'
import { SECOND } from '../../support/tokens.ts'

const PATH = '/api/auth/status-list'
const app = await startApp({}, { atPublicUrl: true })

describe('another implementation', () => {
  it('finds in our list who has logged out, and nobody else', async () => {
    const [ada, ben, carl] = await Promise.all(['Ada', 'Ben', 'Carl'].map((name) => apiLearner(app, name)))
    const learners = [ada, ben, carl].map((learner) => learner ?? assert.fail())
    const places = []
    for (const { api } of learners) {
      const { idx, uri } = getStatusListFromJWT(await api.token())
      assert.equal(uri, `${app.url}${PATH}`)
      places.push(idx)
    }
    for (const learner of [ada, carl]) await learner?.api.post('/api/auth/sign-out', {})
    app.advance(SECOND)
    const list = getListFromStatusListJWT((await exchange(app, PATH)).text)
    assert.equal(list.getBitsPerStatus(), 1)
    assert.equal(list.statusList.length, LIST_SIZE)
    assert.deepEqual(
      places.map((place) => list.getStatus(place)),
      [1, 0, 1],
    )
    assert.equal(list.statusList.filter((status) => status !== 0).length, 2)
  })

  it('packs the same sessions into the same bits, however each compresses them', () => {
    const ended = Array.from({ length: 1_000 }, (_, number) => (number * 7_919) % LIST_SIZE)
    const statuses = Array.from({ length: LIST_SIZE }, () => 0)
    for (const place of ended) statuses[place] = 1
    const theirs = new StatusList(statuses, 1)
    const ours = bitsOf(ended, LIST_SIZE)
    assert.ok(ours.equals(theirs.encodeStatusList()))
    assert.ok(ours.equals(inflateSync(Buffer.from(theirs.compressStatusList(), 'base64url'))))
    assert.deepEqual(StatusList.decompressStatusList(compressed(ours), 1).statusList, statuses)
  })
})
