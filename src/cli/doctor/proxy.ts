/** The proxies in front, as the server sees them: asked through them, at PUBLIC_URL. */
import type { Config } from '../../config/config.ts'
import { CLAIMED_ADDRESS, DOCTOR_HEADER, doctorPass, type SeenOfProxy } from '../../tokens/doctor-passes.ts'
import { type Finding, off, ok, wrong } from './findings.ts'

const PATIENCE_MS = 5_000

export async function examineProxy(config: Config): Promise<Finding> {
  const { publicOrigin } = config
  if (publicOrigin === undefined) return off('proxy', 'PUBLIC_URL is not set')
  const asked = await ask(publicOrigin, config).catch((error: unknown) => ({ failed: reasonOf(error) }))
  if ('failed' in asked) {
    return wrong(
      'proxy',
      `${publicOrigin} does not answer: ${asked.failed}`,
      'Is the server running, does the name lead here, and is the certificate of the proxy for it?',
    )
  }
  const { status, location, seen } = asked
  if (seen !== undefined) return judge(seen, config)
  if (location !== null)
    return wrong(
      'proxy',
      `${publicOrigin} sends on to ${location}`,
      'Set PUBLIC_URL to where people end, or let the proxy pass requests on.',
    )
  if (status === 404)
    return wrong(
      'proxy',
      `${publicOrigin} answers, and does not know us`,
      'It has other APP_SECRETS, another clock, or is another program or an older version.',
    )
  return wrong(
    'proxy',
    `${publicOrigin} answers with ${status}`,
    `Does the proxy pass requests on to port ${config.port}?`,
  )
}

async function ask(origin: string, config: Config) {
  const response = await fetch(`${origin}/health/proxy`, {
    // The proxies must replace the claims, or append to them.
    headers: {
      [DOCTOR_HEADER]: doctorPass(config.keys('doctor'), Date.now()),
      'X-Forwarded-For': CLAIMED_ADDRESS,
      'X-Forwarded-Proto': 'http',
    },
    redirect: 'manual',
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const isAnswer = response.ok && (response.headers.get('content-type') ?? '').includes('json')
  const seen = isAnswer ? ((await response.json()) as SeenOfProxy) : undefined
  return { status: response.status, location: response.headers.get('location'), seen }
}

function judge(seen: SeenOfProxy, { publicOrigin = '', trustProxy }: Config): Finding {
  // Each proxy that appends adds one address; the outermost may have thrown ours away.
  const proxies = seen.claimKept ? seen.forwarded - 1 : seen.forwarded
  const count = `${proxies === 0 ? 'no proxy says' : `${proxies} ${proxies === 1 ? 'proxy says' : 'proxies say'}`} where a request is from`
  if (seen.trustProxy !== trustProxy)
    return wrong(
      'proxy',
      `the server runs with TRUST_PROXY=${seen.trustProxy}, and this is ${trustProxy}`,
      'Start the server anew, or give doctor its settings.',
    )
  if (seen.believed || proxies < trustProxy)
    return wrong(
      'proxy',
      `${count}, and TRUST_PROXY is ${trustProxy}: anybody can choose their address`,
      `TRUST_PROXY=${proxies}, or let each proxy set X-Forwarded-For.`,
    )
  if (proxies > trustProxy)
    return wrong(
      'proxy',
      `${count}, and TRUST_PROXY is ${trustProxy}: everybody seems to come from one address`,
      `TRUST_PROXY=${proxies}`,
    )
  if (publicOrigin.startsWith('https:') && seen.scheme !== 'https')
    return wrong(
      'proxy',
      'the server does not hear that requests came by https',
      'Let the outermost proxy set X-Forwarded-Proto, as nginx does by: proxy_set_header X-Forwarded-Proto $scheme',
    )
  if (!seen.isOwnHost)
    return wrong(
      'proxy',
      `requests arrive for ${seen.host}, which is not ours`,
      'Let the proxy pass Host on, as nginx does by: proxy_set_header Host $host',
    )
  return ok('proxy', `${publicOrigin} leads here; ${proxies === 0 ? 'no proxy in front' : count}, ${seen.scheme}`)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `nothing within ${PATIENCE_MS / 1_000} s`
  const { cause } = error
  return cause instanceof Error ? cause.message || ('code' in cause ? String(cause.code) : cause.name) : error.message
}
