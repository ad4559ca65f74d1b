/** The public keys for verifiers (RFC 7517). They come from memory, without a session, and any site may read them. */
import { type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { Deps } from '../../../deps.ts'
import { isForPrograms, methodNotAllowed } from '../../middleware/errors.ts'
import { ANY_SITE, type Document, documentOf, type PublicDocument, publicHeaders, sendDocument } from '../documents.ts'
import type { Facts } from '../endpoint.ts'

/** PyJWT caches keys for the same time. */
const MAX_AGE_SECONDS = 300

const Jwks = z.object({
  keys: z.array(
    z.object({
      kty: z.literal('OKP'),
      crv: z.literal('Ed25519'),
      x: z.string(),
      kid: z.string(),
      alg: z.literal('EdDSA'),
      use: z.literal('sig'),
    }),
  ),
})

const Discovery = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  id_token_signing_alg_values_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  response_types_supported: z.array(z.string()),
})

const shared = { method: 'get', access: 'anyone' } as const

export const keyFacts: Facts[] = [
  { ...shared, path: '/api/auth/jwks', summary: 'The public keys of access tokens', answer: Jwks },
  { ...shared, path: '/.well-known/jwks.json', summary: 'The same keys', answer: Jwks },
  {
    ...shared,
    path: '/.well-known/openid-configuration',
    summary: 'Where generic verifiers find issuer, keys and algorithm',
    answer: Discovery,
  },
]

/** The second one comes from a base address that ends in a slash. */
const API_PATHS = ['/api/auth/jwks', '//api/auth/jwks']

const HEADERS = publicHeaders('application/json', `max-age=${MAX_AGE_SECONDS}`)

export function publicKeys({ keyRing, config }: Deps): { handler: RequestHandler; documents: PublicDocument[] } {
  const { issuer } = config
  const discovery = documentOf(
    JSON.stringify({
      issuer,
      jwks_uri: `${issuer}/api/auth/jwks`,
      id_token_signing_alg_values_supported: ['EdDSA'],
      subject_types_supported: ['public'],
      response_types_supported: ['token'],
    }),
  )
  let last: { jwks: object; document: Document } | undefined

  async function keys(): Promise<Document> {
    const jwks = await keyRing.jwks()
    if (last?.jwks !== jwks) last = { jwks, document: documentOf(JSON.stringify(jwks)) }
    return last.document
  }

  const serve = (find: PublicDocument['find']) => sendDocument(HEADERS, find)
  const router = Router({ strict: true, caseSensitive: true })
  // Pages pass by. Otherwise the router would answer OPTIONS by itself.
  router.use((req, res, next) => {
    if (!isForPrograms(req.path)) next('router')
    else if (req.method === 'OPTIONS' && API_PATHS.includes(req.path)) res.status(404).end()
    else next()
  })
  // Under `/api`, another method is answered like an unknown address; below, with 405.
  router.get(API_PATHS, serve(keys))
  router.route('/.well-known/jwks.json').get(serve(keys)).all(methodNotAllowed)
  router
    .route('/.well-known/openid-configuration')
    .get(serve(() => discovery))
    .all(methodNotAllowed)
  const shared = { headers: { ...HEADERS, ...ANY_SITE } }
  return {
    handler: router,
    documents: [
      { ...shared, paths: ['/api/auth/jwks'], find: keys },
      { ...shared, paths: ['/.well-known/jwks.json'], find: keys },
      { ...shared, paths: ['/.well-known/openid-configuration'], find: () => discovery },
    ],
  }
}
