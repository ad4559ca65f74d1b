/** How a mail is put together: plain and in simple HTML, with one link on its own line and nothing that tracks whether it is read. */
import type { Mail } from './outbox.ts'

type Text = { subject: string; before: readonly string[]; link?: string; after?: readonly string[] }

export function compose(to: string, { subject, before, link, after = [] }: Text): Mail {
  // Without line breaks, so that no address can add a line of its own.
  const onOneLine = (text: string) => text.replace(/\s+/g, ' ')
  const href = link && onOneLine(link)
  const lines = ['Hello,', ...before, ...(href ? [href] : []), ...after, 'Matricula'].map(onOneLine)
  const html = lines.map(
    (line) => `<p>${line === href ? `<a href="${escapeHtml(line)}">${escapeHtml(line)}</a>` : escapeHtml(line)}</p>`,
  )
  return {
    to,
    subject,
    text: `${lines.join('\n\n')}\n`,
    html: `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>\n<body>\n${html.join('\n')}\n</body>\n</html>\n`,
  }
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
