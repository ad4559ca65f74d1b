/** The unchanged Better Auth client, plus what a browser adds to its calls: cookies and `Origin`. */
import { createAuthClient } from 'better-auth/client'
import { jwtClient } from 'better-auth/client/plugins'
import type { TestApp } from './app.ts'
import { COOKIE } from './sessions.ts'

export type AuthClient = ReturnType<typeof openAuthClient>

/** The fetch of a browser with its own cookies. `origin` is the site whose script makes the calls. Null sends no `Origin`, as Node does. */
export function openBrowserFetch(origin: string | null) {
  const jar = new Map<string, string>()
  const answers: Response[] = []
  const customFetchImpl: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers)
    if (origin !== null) headers.set('Origin', origin)
    if (jar.size > 0) headers.set('Cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(input, { ...init, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /Max-Age=0|Expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    answers.push(response)
    return response
  }
  return { jar, answers, customFetchImpl }
}

export function openAuthClient({ url }: Pick<TestApp, 'url'>, { origin = url }: { origin?: string | null } = {}) {
  const { jar, answers, customFetchImpl } = openBrowserFetch(origin)
  const client = createAuthClient({
    baseURL: url,
    plugins: [jwtClient()],
    fetchOptions: { customFetchImpl },
  })
  /** Whether it holds a session. The cookie by which its account knows the device stays. */
  const hasSession = () => jar.has(COOKIE)
  return { client, jar, hasSession, answers }
}
