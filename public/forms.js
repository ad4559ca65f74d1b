// Extras for forms that work without it: shows a password, prevents sending twice, warns of Caps Lock, clears an error
// once its field is corrected. If this file does not load, nothing breaks.

const BUSY_MS = 10_000
const PAUSE_MS = 400

/** Run when a page returns from the back-forward cache: hide passwords and enable buttons again. */
const restorers = []

// Made here, not in the page: text browsers also show hidden elements, and there the button would do nothing.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'link-button' })
  button.dataset.togglePassword = ''
  button.setAttribute('aria-controls', input.id)
  const status = Object.assign(document.createElement('p'), { className: 'hint' })
  status.setAttribute('role', 'status')
  const extras = Object.assign(document.createElement('div'), { className: 'password-extras' })
  extras.append(button)
  input.after(extras, status)
  // That a password is visible can be seen. Said to screen readers only, it moves nothing on the page.
  const say = (words, { aloud = false } = {}) => {
    status.className = aloud ? 'visually-hidden' : 'hint'
    status.textContent = words
  }
  const show = (visible) => {
    input.type = visible ? 'text' : 'password'
    button.textContent = visible ? 'Hide password' : 'Show password'
  }
  show(false)
  // Pressing it with a mouse must not take the focus out of the field: its caret would be at the front afterwards.
  button.addEventListener('mousedown', (event) => event.preventDefault())
  button.addEventListener('click', () => {
    const { selectionStart, selectionEnd } = input
    const visible = input.type === 'password'
    show(visible)
    // Chromium draws the field anew, and until then moves the caret to the front.
    input.getBoundingClientRect()
    input.setSelectionRange(selectionStart, selectionEnd)
    say(visible ? 'Your password is visible' : 'Your password is hidden', { aloud: true })
  })
  // A browser offers to save a password only from a password field.
  input.form.addEventListener('submit', () => show(false))
  restorers.push(() => {
    show(false)
    say('')
  })

  const tellCapsLock = (event) => {
    const on = event.getModifierState?.('CapsLock') ?? false
    if (on) say('Caps Lock is on')
    else if (status.textContent === 'Caps Lock is on') say('')
  }
  input.addEventListener('keydown', tellCapsLock)
  input.addEventListener('keyup', tellCapsLock)
}

// This page may be the answer to a form, which a browser would have to send again when somebody goes back to it. So that it
// opens the address instead, tell it to forget the form.
if (document.getElementById('error-summary')) history.replaceState(null, '', location.href)

for (const button of document.querySelectorAll('button[data-busy]')) {
  const label = button.textContent
  let timer
  const restore = () => {
    clearTimeout(timer)
    button.removeAttribute('aria-disabled')
    button.textContent = label
  }
  button.form.addEventListener('submit', (event) => {
    if (button.getAttribute('aria-disabled') === 'true') {
      event.preventDefault()
      return
    }
    button.setAttribute('aria-disabled', 'true')
    button.textContent = button.dataset.busy
    timer = setTimeout(restore, BUSY_MS)
  })
  restorers.push(restore)
}

for (const input of document.querySelectorAll('input[aria-invalid="true"]')) {
  const message = document.getElementById(`${input.id}-error`)
  let timer
  input.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const mended = input.value.trim() !== '' && input.checkValidity()
      input.setAttribute('aria-invalid', String(!mended))
      message.hidden = mended
      input.closest('.field').classList.toggle('field-wrong', !mended)
    }, PAUSE_MS)
  })
}

const newPassword = document.getElementById('new-password')
if (newPassword) {
  const meter = Object.assign(document.createElement('meter'), {
    min: 0,
    max: 4,
    low: 2,
    high: 3,
    optimum: 4,
    hidden: true,
  })
  const words = Object.assign(document.createElement('p'), { className: 'hint', id: 'new-password-strength' })
  words.setAttribute('role', 'status')
  meter.setAttribute('aria-label', 'Password strength')
  const both = Object.assign(document.createElement('div'), { className: 'password-strength' })
  both.append(meter, words)
  newPassword.nextElementSibling.append(both)
  let timer
  newPassword.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const score = strength(newPassword.value)
      meter.hidden = newPassword.value === ''
      meter.value = score
      words.textContent = meter.hidden ? '' : ['Very easy to guess', 'Easy to guess', 'Fair', 'Good', 'Strong'][score]
    }, PAUSE_MS)
  })
}

/** From 0 to 4, by length and variety. Only a hint: the server decides. */
function strength(password) {
  const different = new Set(password.toLowerCase()).size
  const size = Math.min([...password].length, different * 2)
  return [8, 11, 15, 20].filter((length) => size >= length).length
}

addEventListener('pageshow', (event) => {
  if (!event.persisted) return
  // The session may have ended since this page was cached, so ask the server.
  if ('personal' in document.body.dataset) location.reload()
  for (const restore of restorers) restore()
})

// "None of these" and the others exclude each other. Without this, the server reports it.
for (const none of document.querySelectorAll('input[data-exclusive]')) {
  const others = [...none.form.elements].filter((input) => input.name === none.name && input !== none)
  none.addEventListener('change', () => {
    if (none.checked) for (const other of others) other.checked = false
  })
  for (const other of others) {
    other.addEventListener('change', () => {
      if (other.checked) none.checked = false
    })
  }
}

for (const hint of document.querySelectorAll('[data-counter]')) {
  const max = Number(hint.dataset.counter)
  const text = document.getElementById(hint.id.replace(/-hint$/, ''))
  const said = hint.textContent
  hint.setAttribute('aria-live', 'polite')
  text.addEventListener('input', () => {
    const left = max - [...text.value].length
    if (text.value === '') hint.textContent = said
    else
      hint.textContent = `${Math.abs(left)} ${Math.abs(left) === 1 ? 'character' : 'characters'} ${left < 0 ? 'too many' : 'left'}`
  })
}

// After too many people at once: counts down to the time that the server has named and sends the form then, if its
// passwords have been typed by that time. Told to a screen reader at the beginning and at the end, not every second.
for (const hint of document.querySelectorAll('[data-send-in]')) {
  const form = hint.closest('form')
  const passwords = [...form.querySelectorAll('input[type="password"]')]
  const send = form.querySelector('button[type="submit"]').textContent
  const type = passwords.length === 1 ? 'Type your password' : 'Type your passwords'
  const count = Object.assign(document.createElement('p'), { className: 'hint' })
  const status = Object.assign(document.createElement('p'), { className: 'hint' })
  status.setAttribute('role', 'status')
  const stop = Object.assign(document.createElement('button'), { type: 'button', className: 'link-button' })
  stop.textContent = 'Do not send by itself'
  hint.after(count, status, stop)
  let left = Number(hint.dataset.sendIn)
  const say = () => {
    count.textContent = `${type}: the form is sent in ${left} ${left === 1 ? 'second' : 'seconds'}, when there is room.`
  }
  const end = (words) => {
    clearInterval(timer)
    count.remove()
    stop.remove()
    status.textContent = words
  }
  const fallSilent = () => end('')
  const timer = setInterval(() => {
    left -= 1
    if (left > 0) say()
    else if (passwords.some(({ value }) => value === '')) end(`There is room now. ${type} and press “${send}”.`)
    else {
      form.removeEventListener('submit', fallSilent)
      end('Sending…')
      form.requestSubmit()
    }
  }, 1_000)
  stop.addEventListener('click', () => {
    end('Nothing is sent by itself.')
    passwords[0].focus()
  })
  form.addEventListener('submit', fallSilent)
  say()
}
