/** What Express leaves of a page: one route that sends the app's login page from memory, with its headers and no middleware. */
import express from 'express'
import { copyAnswer } from './copied-answer.mjs'

const { ACCEPT_ENCODING, ORIGINAL, PORT } = process.env
const { body, headers } = await copyAnswer(`${ORIGINAL}/login`, { 'accept-encoding': ACCEPT_ENCODING })

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.get('/login', (_req, res) => {
  res.set(headers).send(body)
})
app.listen(Number(PORT), '127.0.0.1')
