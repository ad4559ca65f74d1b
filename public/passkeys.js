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

async function optionsOf(kind) {
  const response = await fetch(`${OPTIONS}/${kind}`, { headers: { Accept: 'application/json' } })
  if (!response.ok) throw new Error(`No options: ${response.status}`)
  return response.json()
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
  let waiting = new AbortController()

  async function ask(options, mediation) {
    const { parseRequestOptionsFromJSON: parse } = PublicKeyCredential
    const publicKey = parse ? PublicKeyCredential.parseRequestOptionsFromJSON(options) : readable(options)
    const credential = await navigator.credentials.get({ publicKey, signal: waiting.signal, ...mediation })
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
  async function offerInField() {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
    const mine = waiting
    while (!mine.signal.aborted) {
      const options = await optionsOf('generate-authenticate-options')
      // A challenge lasts five minutes. Before it ends, ask with another one.
      const renewal = setTimeout(() => mine === waiting && again(), options.timeout - 30_000)
      try {
        await ask(options, { mediation: 'conditional' })
        return
      } finally {
        clearTimeout(renewal)
      }
    }
  }
  const quietly = () => offerInField().catch(() => {})
  const again = () => {
    waiting.abort()
    waiting = new AbortController()
    quietly()
  }

  const { button, status } = buttonWith('Use a passkey')
  button.className = 'button button-quiet'
  button.addEventListener('click', async () => {
    // A browser does one of these at a time.
    waiting.abort()
    waiting = new AbortController()
    status.textContent = ''
    try {
      await ask(await optionsOf('generate-authenticate-options'), {})
    } catch (error) {
      if (!wasCancelled(error)) status.textContent = 'That did not work. Log in with your password.'
      again()
    }
  })
  const offer = Object.assign(document.createElement('div'), { className: 'after-form' })
  offer.append(button, status)
  login.after(offer)
  quietly()
}

function offerAdding(form) {
  const { button, status } = buttonWith('Add a passkey')
  button.className = 'button'
  button.addEventListener('click', async () => {
    status.textContent = ''
    try {
      const options = await optionsOf('generate-register-options')
      const { parseCreationOptionsFromJSON: parse } = PublicKeyCredential
      const publicKey = parse ? PublicKeyCredential.parseCreationOptionsFromJSON(options) : readable(options)
      fill(form, 'credential', JSON.stringify(sendable(await navigator.credentials.create({ publicKey }))))
      form.submit()
    } catch (error) {
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
