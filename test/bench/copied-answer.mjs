/** An answer of the app, kept in memory for a server that sends the very same: its body, and its headers. */
import { get } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** Node writes these itself, as it does for the app. */
const OF_THE_CONNECTION = ['connection', 'date', 'keep-alive', 'transfer-encoding']

/** @throws if the answer is not 200. */
export async function copyAnswer(url, headers) {
  const response = await new Promise((resolve, reject) => get(url, { headers }, resolve).on('error', reject))
  const body = await buffer(response)
  if (response.statusCode !== 200) throw new Error(`${url} answers with ${response.statusCode}`)
  const own = Object.entries(response.headersDistinct).filter(([name]) => !OF_THE_CONNECTION.includes(name))
  const single = own.map(([name, values]) => [name, values.length === 1 ? values[0] : values])
  return { body, headers: { ...Object.fromEntries(single), 'content-length': String(body.length) } }
}
