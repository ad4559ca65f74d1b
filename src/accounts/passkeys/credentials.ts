/** What browsers send and get (WebAuthn Level 3, section 5.1): the shapes, the challenge inside, and who we are to authenticators. */
import { SettingsService } from '@simplewebauthn/server'
import { z } from 'zod'
import type { Config } from '../../config/config.ts'

// Attestation is not asked for. Where one is sent all the same, the library would ask the addresses in its certificates whether they
// are revoked: addresses that the sender has chosen. Without roots to trace them to, it asks nobody.
for (const identifier of ['android-key', 'android-safetynet', 'apple', 'mds'] as const) {
  SettingsService.setRootCertificates({ identifier, certificates: [] })
}

const LENGTH_MAX = 12_000
const Encoded = z
  .string()
  .max(LENGTH_MAX)
  .regex(/^[\w-]*$/)
const Id = z
  .string()
  .min(1)
  .max(1_400)
  .regex(/^[\w-]+$/)

const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const
const isTransport = (text: string): text is (typeof TRANSPORTS)[number] => TRANSPORTS.some((known) => known === text)

const common = { id: Id, rawId: Id, type: z.literal('public-key'), clientExtensionResults: z.object({}).default({}) }

/** The answer of an authenticator that makes a passkey. */
export const Registration = z.object({
  ...common,
  response: z.object({
    clientDataJSON: Encoded,
    attestationObject: Encoded,
    transports: z
      .array(z.string().max(40))
      .max(10)
      .default([])
      .transform((all) => all.filter(isTransport)),
  }),
})
export type Registration = z.output<typeof Registration>

/** The answer of an authenticator that has one. */
export const Assertion = z.object({
  ...common,
  response: z.object({
    clientDataJSON: Encoded,
    authenticatorData: Encoded,
    signature: Encoded,
    // Null from some browsers where the authenticator gives none.
    userHandle: Encoded.nullish().transform((handle) => handle ?? undefined),
  }),
})
export type Assertion = z.output<typeof Assertion>

const ClientData = z.object({ challenge: z.string().max(LENGTH_MAX), crossOrigin: z.boolean().optional() })
type Answered = { response: { clientDataJSON: string } }

function clientDataIn({ response }: Answered): z.output<typeof ClientData> | undefined {
  try {
    return ClientData.safeParse(JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString())).data
  } catch {
    return undefined
  }
}

/** The challenge that was answered, or an empty text. The whole of the client data is checked afterwards. */
export const challengeIn = (answered: Answered): string => clientDataIn(answered)?.challenge ?? ''

/**
 * Whether a page of ours was in a frame of another site when it asked (WebAuthn Level 3, `crossOrigin` in sections 7.1 and 7.2). None of
 * ours may be framed, and the library lets it pass where the browser does not say by whom.
 */
export const isFramed = (answered: Answered): boolean => clientDataIn(answered)?.crossOrigin === true

/** The credential in a field of a form, as text. Undefined if it cannot be read. */
export function credentialIn<Schema extends z.ZodType>(schema: Schema, text: unknown): z.output<Schema> | undefined {
  if (typeof text !== 'string' || text.length > LENGTH_MAX) return undefined
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Who asks: passkeys are made for the host of PUBLIC_URL, and answers are taken from its pages only. */
export const relyingParty = ({ issuer }: Pick<Config, 'issuer'>) => ({
  origin: new URL(issuer).origin,
  id: new URL(issuer).hostname,
  name: 'Matricula',
})
