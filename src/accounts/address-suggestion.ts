/** Typing mistakes in addresses: what somebody probably meant. Only a question, since any of these hosts may exist. */

/** Where most people have their mail. */
const COMMON_HOSTS = [
  ...['gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'hotmail.co.uk', 'yahoo.com', 'yahoo.co.uk'],
  ...['icloud.com', 'proton.me', 'protonmail.com', 'gmx.net', 'web.de', 'aol.com', 'yandex.ru', 'mail.ru', 'zoho.com'],
]

/** Hosts with mailboxes of their own that differ from a common one by one letter. */
const REAL_HOSTS = ['mail.com', 'email.com', 'ymail.com', 'gmx.de', 'gmx.at', 'gmx.ch', 'aol.de', 'gmail.co']

/**
 * The address with the common host that differs from the given one by one edit: a letter too many, missing, wrong, or
 * two in the wrong order. Undefined if there is nothing to ask. `email` is in lower case.
 */
export function suggestAddress(email: string): string | undefined {
  const at = email.lastIndexOf('@')
  const host = email.slice(at + 1)
  if (COMMON_HOSTS.includes(host) || REAL_HOSTS.includes(host)) return undefined
  const meant = COMMON_HOSTS.find((common) => isOneEditAway(host, common))
  return meant && `${email.slice(0, at)}@${meant}`
}

function isOneEditAway(one: string, other: string): boolean {
  if (one.length < other.length) return isOneEditAway(other, one)
  if (one.length - other.length > 1) return false
  let start = 0
  while (start < other.length && one[start] === other[start]) start += 1
  const [restOfOne, restOfOther] = [one.slice(start), other.slice(start)]
  if (one.length > other.length) return restOfOne.slice(1) === restOfOther
  const isSwapped = restOfOne[0] === restOfOther[1] && restOfOne[1] === restOfOther[0]
  return restOfOne.slice(1) === restOfOther.slice(1) || (isSwapped && restOfOne.slice(2) === restOfOther.slice(2))
}
