/** An authenticator inside Chromium, which signs without asking anybody (WebAuthn Level 3, section 11). */
import type { CDPSession, Page } from 'playwright-core'

export async function addVirtualAuthenticator(page: Page): Promise<{ cdp: CDPSession; authenticatorId: string }> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable', { enableUI: false })
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
      ...{ isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
  return { cdp, authenticatorId }
}

/** Whether it answers by itself: one that does takes up the offer in the field of the login page at once. */
export const answers = (
  { cdp, authenticatorId }: Awaited<ReturnType<typeof addVirtualAuthenticator>>,
  enabled: boolean,
): Promise<unknown> => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })

/** Whether its check of who holds it succeeds, as with a fingerprint that it knows or does not know. */
export const setUserVerified = (
  { cdp, authenticatorId }: Awaited<ReturnType<typeof addVirtualAuthenticator>>,
  isUserVerified: boolean,
): Promise<unknown> => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })

/** How often its first passkey has signed. */
export async function countOf({
  cdp,
  authenticatorId,
}: Awaited<ReturnType<typeof addVirtualAuthenticator>>): Promise<number> {
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  return credentials[0]?.signCount ?? 0
}
