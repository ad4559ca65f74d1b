// Logging in with a passkey, and adding one. Nothing of it is on a page without this file, or in a browser without passkeys.

const OPTIONS = '/api/auth/passkey'
const isKnown = 'PublicKeyCredential' in window && 'credentials' in navigator

const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (one) => one.charCodeAt(0))
const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '')

const withBytes = (list = []) => list.map((one) => ({ ...one, id: bytesOf(one.id) }))

/** For browsers that know passkeys but not `parse…FromJSON` and `toJSON` (WebAuthn Level 3). */
function readable(options) {
  const { challenge, user, excludeCredentials, allowCredentials } = options
  return {
    ...options,
    challenge: bytesOf(challenge),
    ...(user ? { user: { ...user, id: bytesOf(user.id) } } : {}),
    ...(excludeCredentials ? { excludeCredentials: withBytes(excludeCredentials) } : {}),
    ...(allowCredentials ? { allowCredentials: withBytes(allowCredentials) } : {}),
  }
}

function sendable(credential) {
  if (credential.toJSON) return credential.toJSON()
  const { id, rawId, type, response } = credential
  const names = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']
  const parts = names.filter((name) => response[name]).map((name) => [name, textOf(response[name])])
  const transports = response.getTransports ? { transports: response.getTransports() } : {}
  const sent = { ...Object.fromEntries(parts), ...transports }
  return { id, rawId: textOf(rawId), type, response: sent, clientExtensionResults: {} }
}

async function optionsOf(kind, signal) {
  const response = await fetch(`${OPTIONS}/${kind}`, { headers: { Accept: 'application/json' }, signal })
  if (!response.ok) throw new Error(`No options: ${response.status}`)
  return response.json()
}

/** A browser asks for one passkey at a time, so each request ends the one before, also while that waits for its options. */
function oneAtATime() {
  let latest = new AbortController()
  return () => {
    latest.abort()
    latest = new AbortController()
    return latest.signal
  }
}

/** Adds a hidden field, or fills the one of that name. */
function fill(form, name, value) {
  const field =
    form.elements.namedItem(name) ?? Object.assign(document.createElement('input'), { type: 'hidden', name })
  field.value = value
  if (!field.isConnected) form.append(field)
}

function buttonWith(words) {
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: words })
  const status = Object.assign(document.createElement('p'), { className: 'hint' })
  status.setAttribute('role', 'status')
  return { button, status }
}

/** Whoever closes the window of the browser sees nothing of it here. */
const wasCancelled = ({ name }) => name === 'NotAllowedError' || name === 'AbortError'

function offerLogin(login) {
  const nextSignal = oneAtATime()

  async function ask(options, signal, mediation) {
    const { parseRequestOptionsFromJSON: parse } = PublicKeyCredential
    const publicKey = parse ? PublicKeyCredential.parseRequestOptionsFromJSON(options) : readable(options)
    const credential = await navigator.credentials.get({ publicKey, signal, ...mediation })
    const form = Object.assign(document.createElement('form'), {
      method: 'post',
      action: '/login/passkey',
      hidden: true,
    })
    for (const name of ['_csrf', 'next', 'kept']) {
      const field = login.elements.namedItem(name)
      if (field) fill(form, name, field.value)
    }
    fill(form, 'remember', login.elements.namedItem('remember').checked ? 'yes' : '')
    fill(form, 'credential', JSON.stringify(sendable(credential)))
    document.body.append(form)
    form.submit()
  }

  /** The browser offers passkeys where the address is typed. The request waits until somebody takes one. */
  async function offerInField(signal) {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
    const options = await optionsOf('generate-authenticate-options', signal)
    // A challenge lasts five minutes. Before it ends, ask with another one.
    const renewal = setTimeout(offer, options.timeout - 30_000)
    try {
      await ask(options, signal, { mediation: 'conditional' })
    } finally {
      clearTimeout(renewal)
    }
  }
  const offer = () => offerInField(nextSignal()).catch(() => {})

  const { button, status } = buttonWith('Use a passkey')
  button.className = 'button button-quiet'
  button.addEventListener('click', async () => {
    const signal = nextSignal()
    status.textContent = ''
    try {
      await ask(await optionsOf('generate-authenticate-options', signal), signal, {})
    } catch (error) {
      // Somebody has pressed again, and that request goes on.
      if (signal.aborted) return
      if (!wasCancelled(error)) status.textContent = 'That did not work. Log in with your password.'
      offer()
    }
  })
  const shown = Object.assign(document.createElement('div'), { className: 'after-form' })
  shown.append(button, status)
  login.after(shown)
  offer()
}

function offerAdding(form) {
  const nextSignal = oneAtATime()
  const { button, status } = buttonWith('Add a passkey')
  button.className = 'button'
  button.addEventListener('click', async () => {
    const signal = nextSignal()
    status.textContent = ''
    try {
      const options = await optionsOf('generate-register-options', signal)
      const { parseCreationOptionsFromJSON: parse } = PublicKeyCredential
      const publicKey = parse ? PublicKeyCredential.parseCreationOptionsFromJSON(options) : readable(options)
      fill(form, 'credential', JSON.stringify(sendable(await navigator.credentials.create({ publicKey, signal }))))
      form.submit()
    } catch (error) {
      if (signal.aborted) return
      if (error.name === 'InvalidStateError') status.textContent = 'This device has a passkey for your account already.'
      else if (!wasCancelled(error)) status.textContent = 'That did not work. Open this page again and try once more.'
    }
  })
  form.querySelector('[data-without-script]').remove()
  form.append(button, status)
}

if (isKnown) {
  const login = document.getElementById('login-form')
  const adding = document.querySelector('[data-add-passkey]')
  if (login) offerLogin(login)
  if (adding) offerAdding(adding)
}
