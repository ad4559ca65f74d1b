/** How often something may be tried, and by whom. */
import { inFile, type Mutant } from '../mutant.ts'

const policies = inFile('src/limits/policies.ts')
const devices = inFile('src/accounts/passwords/known-devices.ts')
const check = inFile('src/accounts/passwords/password-check.ts')

export const LIMITS: Mutant[] = [
  policies(
    'ten wrong passwords pause an address',
    'loginByAddress: { points: 10,',
    'loginByAddress: { points: 20,',
    'limits/rate-limits',
    'are ten wherever they come from, and then a pause in which nothing is hashed',
  ),
  policies(
    'two hundred pause a network',
    'loginByNetwork: { points: 200,',
    'loginByNetwork: { points: 2_000,',
    'limits/rate-limits',
    'are two hundred, whosever account they are for',
  ),
  policies(
    'a hundred in a row close an address to strangers',
    'failuresByAddress: { points: 100,',
    'failuresByAddress: { points: 200,',
    'limits/known-devices',
    'a login from a known device does not open the door for them again',
  ),
  inFile('src/limits/networks.ts')(
    'IPv6 is counted by /64',
    'const IPV6_NETWORK_BITS = 64',
    'const IPV6_NETWORK_BITS = 128',
    'limits/rate-limits',
    'are one count for a whole /64 of IPv6, and for both spellings of an IPv4 address',
  ),
  inFile('src/limits/rate-limits.ts')(
    'the table of counts names nobody',
    "createHmac('sha256', key).update(subject).digest('base64url')",
    'subject + String(createHmac.length + key.length)',
    'limits/rate-limits',
    'holds no address of a person or a place',
  ),
  devices(
    'what a device holds is signed',
    'return isSigned && age < signer.days',
    'return age < signer.days + Number(isSigned)',
    'limits/known-devices',
    'to five accounts, and then forgets the one that logged in longest ago',
  ),
  devices(
    'a device is forgotten after a year',
    'return isSigned && age < signer.days',
    'return isSigned && age >= 0',
    'limits/known-devices',
    'after a sign-up and after a login, for a year from the last one; logging out keeps it',
  ),
  devices(
    'a device is known to one account',
    "sign(key, 'entry', device, userId, ...versions, day)",
    "sign(key, 'entry', device, ...versions, day + 0 * userId.length)",
    'limits/known-devices',
    'to five accounts, and then forgets the one that logged in longest ago',
  ),
  check(
    'tries to confirm a password are counted',
    "const count = await rateLimits.count('confirmByUser', user.id)",
    'const count = { ok: true } as const',
    'web/pages/password-change',
    'by the form to delete the account is counted, and ends the session after ten',
  ),
  check(
    'the password is that of this account',
    'if (!check.ok || check.user.id !== user.id) {',
    'if (!check.ok && check.userId !== user.id) {',
    'web/pages/password-confirmation',
    'and a wrong one changes nothing',
  ),
  inFile('src/accounts/login.ts')(
    'the right password of a suspended account is no login',
    'if (suspendedAt !== null) {',
    'if (suspendedAt === undefined) {',
    'accounts/suspension',
    'is logged out, told at the right password, and finds everything as it was when the account is open again',
  ),
]
