/** The status lists for verifiers (draft-ietf-oauth-status-list): which sessions have ended. Public, like the keys. */
import { Router } from 'express'
import { z } from 'zod'
import type { Deps } from '../../../deps.ts'
import { LISTS_MAX } from '../../../tokens/status-lists.ts'
import { ANY_SITE, type Document, documentOf, type PublicDocument, publicHeaders, sendDocument } from '../documents.ts'
import type { Facts } from '../endpoint.ts'
import { Refusal } from '../refusals.ts'

/** A logout is to be seen within seconds, also through a cache. That may go on with what it has while we are down. */
const CACHING = 'max-age=1, stale-if-error=300'
const TYPE = 'application/statuslist+jwt'
const PATH = '/api/auth/status-list'
const NUMBERED = `${PATH}/:list`

const shared = {
  method: 'get',
  access: 'anyone',
  answer: z.string().meta({ description: 'A JWT: `status_list.lst` holds a bit for each session' }),
  answerType: TYPE,
} as const

export const statusListFacts: Facts[] = [
  { ...shared, path: PATH, summary: 'Which sessions have ended, for verifiers of access tokens' },
  { ...shared, path: NUMBERED, summary: 'A further list, where the first one is full', refusals: ['NOT_FOUND'] },
]

export function statusLists({ statusLists }: Deps): { handler: Router; documents: PublicDocument[] } {
  const last = new Map<number, { token: string; document: Document }>()

  const findOf = (list: number) => async (): Promise<Document> => {
    const token = await statusLists.find(list)
    const known = last.get(list)
    if (known?.token === token) return known.document
    const document = documentOf(token)
    last.set(list, { token, document })
    return document
  }

  const headers = publicHeaders(TYPE, CACHING)
  const router = Router({ strict: true, caseSensitive: true })
  // Under `/api`, another method is answered like an unknown address. The router would answer OPTIONS by itself.
  router.use([PATH, `${PATH}/`], (req, res, next) => {
    if (req.method === 'OPTIONS') res.status(404).end()
    else next()
  })
  router.get(PATH, sendDocument(headers, findOf(0)))
  router.get(NUMBERED, (req, res, next) => {
    const list = numberOf(String(req.params.list))
    // Of HEAD, the API says the same as everywhere under `/api/auth`.
    if (list === undefined && req.method === 'HEAD') return next()
    if (list === undefined) throw new Refusal('NOT_FOUND')
    return sendDocument(headers, findOf(list))(req, res, next)
  })

  const numbered = Array.from({ length: LISTS_MAX - 1 }, (_, at): PublicDocument => {
    const list = at + 1
    return { headers: { ...headers, ...ANY_SITE }, paths: [`${PATH}/${list}`], pattern: NUMBERED, find: findOf(list) }
  })
  return {
    handler: router,
    documents: [{ headers: { ...headers, ...ANY_SITE }, paths: [PATH], find: findOf(0) }, ...numbered],
  }
}

/** The number of a list after the first. It is written in one way only. */
function numberOf(text: string): number | undefined {
  const list = Number(text)
  return /^[1-9]\d{0,8}$/.test(text) && list < LISTS_MAX ? list : undefined
}
