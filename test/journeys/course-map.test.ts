/** The map of the course as people see it, in Chromium without JavaScript: on a desk, on a phone, on paper, in their own colours. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { startApp } from '../support/app.ts'
import { sendLogin, startBrowser } from '../support/browser.ts'
import { LESSONS, mark, markAll } from '../support/learning.ts'
import { learner } from '../support/people.ts'

const app = await startApp()
const chromium = await startBrowser()

const DESK = { width: 1280, height: 900 }
const SMALL_DESK = { width: 960, height: 700 }
const PHONE = { width: 390, height: 844 }

const { person: ada, browser: adasOther } = await learner(app, 'Ada')
await markAll(adasOther, LESSONS.slice(0, 6), 'done')
await mark(adasOther, 's1', 'started')
await mark(adasOther, 's7', 'dismissed')

/** Her dashboard. */
async function withDashboard(options: BrowserContextOptions, look: (page: Page) => Promise<void>): Promise<void> {
  const context = await chromium.newContext({ javaScriptEnabled: false, ...options })
  try {
    const page = await context.newPage()
    await page.goto(`${app.url}/login`)
    await sendLogin(page, ada)
    await page.goto(`${app.url}/dashboard`)
    await look(page)
  } finally {
    await context.close()
  }
}

/** Text over other text of the map, and strokes that run through text. */
const COVERED = `(() => {
  const found = []
  const texts = [...document.querySelectorAll('.map .name, .map .hint:not(.visually-hidden), .map .tag, .map h3')]
    .filter((element) => element.checkVisibility())
    .map((element) => {
      const range = document.createRange()
      range.selectNodeContents(element)
      return { says: element.textContent, rects: [...range.getClientRects()].filter(({ width }) => width > 1) }
    })
  for (const [index, one] of texts.entries()) for (const other of texts.slice(index + 1)) {
    const over = one.rects.some((a) => other.rects.some((b) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4))
    if (over) found.push(one.says + ' / ' + other.says)
  }
  for (const path of document.querySelectorAll('.map path[data-from]')) {
    const matrix = path.getScreenCTM()
    for (let at = 0; at <= path.getTotalLength(); at += 4) {
      const { x, y } = path.getPointAtLength(at).matrixTransform(matrix)
      for (const { says, rects } of texts) {
        if (rects.some(({ left, top, right, bottom }) => x > left && x < right && y > top && y < bottom)) {
          found.push(path.dataset.from + '-' + path.dataset.to + ' / ' + says)
        }
      }
    }
  }
  return [...new Set(found)]
})()`

/** Strokes whose ends are not under the stations that they join. */
const ASTRAY = `(() => {
  const stationAt = (path, at) => {
    const { x, y } = path.getPointAtLength(at).matrixTransform(path.getScreenCTM())
    window.scrollBy(0, y - innerHeight / 2)
    const point = path.getPointAtLength(at).matrixTransform(path.getScreenCTM())
    return document.elementFromPoint(point.x, point.y)?.closest('[data-lesson]')?.dataset.lesson
  }
  return [...document.querySelectorAll('.map path[data-from]')]
    .filter((path) => stationAt(path, 0) !== path.dataset.from || stationAt(path, path.getTotalLength()) !== path.dataset.to)
    .map((path) => path.dataset.from + '-' + path.dataset.to)
})()`

/** What a function of the page, given as text, answers for each element. */
const askEach = async <Answer>(page: Page, selector: string, question: string): Promise<Answer[]> =>
  (await page.evaluate(`[...document.querySelectorAll('${selector}')].map(${question})`)) as Answer[]

async function styleOf(page: Page, selector: string, property: string): Promise<string> {
  const [style] = await askEach<string>(page, selector, `(element) => getComputedStyle(element)['${property}']`)
  return style ?? assert.fail(`nothing is ${selector}`)
}

const nameOf = (lesson: string) => `[data-lesson=${lesson}] .name`

describe('the map on a desk', () => {
  for (const [screen, viewport] of Object.entries({ wide: DESK, 'just wide enough': SMALL_DESK })) {
    it(`has all names to read and all strokes at their stations, on a screen that is ${screen}`, () =>
      withDashboard({ viewport }, async (page) => {
        assert.ok(await page.locator('.map-strokes').isVisible())
        assert.equal(await page.locator('.map .name').count(), LESSONS.length)
        assert.deepEqual(await page.evaluate(COVERED), [])
        assert.deepEqual(await page.evaluate(ASTRAY), [])
        assert.ok(((await page.evaluate('document.scrollingElement.scrollWidth')) as number) <= viewport.width)
      }))
  }

  it('opens a lesson by its name, and by its station', () =>
    withDashboard({ viewport: DESK }, async (page) => {
      await page.locator(nameOf('v2')).click()
      assert.equal(page.url(), `${app.url}/lessons/v2`)
      await page.goBack()
      const stroke = page.locator('path[data-from=v2]')
      await stroke.scrollIntoViewIfNeeded()
      const box = await stroke.boundingBox()
      assert.ok(box)
      await page.mouse.click(box.x + 1, box.y + box.height / 2)
      await page.waitForURL(`${app.url}/lessons/v2`)
    }))

  it('lights up what a lesson needs and leads to, under the pointer and with the focus', () =>
    withDashboard({ viewport: DESK }, async (page) => {
      const [stroke, other] = ['path[data-from=s3][data-to=s4]', 'path[data-from=i3][data-to=i4]']
      const looks = async () => ({
        needed: await styleOf(page, nameOf('s3'), 'backgroundColor'),
        ledTo: await styleOf(page, nameOf('i1'), 'textDecorationLine'),
        far: await styleOf(page, nameOf('h1'), 'backgroundColor'),
        stroke: await styleOf(page, stroke, 'stroke'),
        other: await styleOf(page, other, 'stroke'),
      })
      const calm = await looks()
      const NONE = 'rgba(0, 0, 0, 0)'
      assert.deepEqual([calm.needed, calm.ledTo, calm.far], [NONE, 'none', NONE])
      const isLit = async () => {
        const lit = await looks()
        assert.notEqual(lit.needed, NONE)
        assert.equal(lit.ledTo, 'underline')
        assert.equal(lit.far, NONE)
        assert.ok(lit.stroke !== calm.stroke && lit.other !== calm.other && lit.stroke !== lit.other)
      }
      await page.locator(nameOf('s4')).hover()
      await isLit()
      await page.mouse.move(0, 0)
      assert.deepEqual(await looks(), calm)
      await page.locator(nameOf('s3')).focus()
      await page.keyboard.press('Tab')
      await isLit()
    }))

  it('tells what is done, what is to be done now and what is later by more than colour', () =>
    withDashboard({ viewport: DESK }, async (page) => {
      const marks = (lesson: string) =>
        askEach<string>(
          page,
          nameOf(lesson),
          `(name) => {
            const { inlineSize, borderTopWidth, borderTopStyle, content } = getComputedStyle(name, '::before')
            return [inlineSize, borderTopWidth, borderTopStyle, content].join(' ')
          }`,
        )
      const here = await page.locator('.stop-here').getAttribute('data-lesson')
      const next = await page.locator('.stop-next').first().getAttribute('data-lesson')
      const seen = (await Promise.all(['r1', here ?? '', next ?? '', 's7', 'x1', 'i1'].map(marks))).flat()
      assert.equal(new Set(seen).size, seen.length, seen.join('\n'))
    }))
})

describe('the map on a phone', () => {
  it('is a list that runs down beside its lines, with all names whole and nothing beside the screen', () =>
    withDashboard({ viewport: PHONE }, async (page) => {
      assert.ok(!(await page.locator('.map-strokes').isVisible()))
      assert.equal(await page.evaluate('document.scrollingElement.scrollWidth'), PHONE.width)
      const places = await askEach<{ left: number; right: number; top: number }>(
        page,
        '.map .name',
        `(name) => {
          const { left, right, top } = name.getBoundingClientRect()
          return { left, right, top }
        }`,
      )
      assert.equal(places.length, LESSONS.length)
      for (const [index, { left, right, top }] of places.entries()) {
        assert.ok(left >= 0 && right <= PHONE.width, LESSONS[index])
        assert.ok(top > (places[index - 1]?.top ?? 0), `${LESSONS[index]} is below the one before`)
      }
      assert.deepEqual(await page.evaluate(COVERED), [])
      assert.ok(
        await page.locator('[data-lesson=i5] .tag-list').isVisible(),
        'says in words what strokes show elsewhere',
      )
    }))
})

describe('the map on paper', () => {
  it('is a poster of A3, from a dark phone too', () =>
    withDashboard({ viewport: PHONE, colorScheme: 'dark' }, async (page) => {
      await page.emulateMedia({ media: 'print' })
      assert.ok(await page.locator('.map-strokes').isVisible())
      const paper = await page.pdf({ preferCSSPageSize: true })
      const sheets = [...paper.toString('latin1').matchAll(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)]
      const posters = sheets.filter(([, width, height]) => Number(width) > 840 && Number(height) > 1_190)
      assert.equal(posters.length, 1, `${sheets.length} sheets`)
    }))
})

describe('the map in colours of the reader', () => {
  it('keeps its strokes, stations and patterns', () =>
    withDashboard({ viewport: DESK, forcedColors: 'active' }, async (page) => {
      const canvas = await styleOf(page, 'body', 'backgroundColor')
      for (const selector of ['path[data-from=f1][data-to=f2]', 'path[data-from=i3][data-to=i4]', '.links path']) {
        assert.notEqual(await styleOf(page, selector, 'stroke'), canvas, selector)
      }
      assert.equal(await styleOf(page, '.of-ros2 .line-pattern', 'stroke'), canvas)
      const swatches = await askEach<string>(
        page,
        '.map h3',
        `(heading) => {
          const { backgroundImage, borderTopWidth } = getComputedStyle(heading, '::before')
          return backgroundImage + borderTopWidth
        }`,
      )
      assert.equal(new Set(swatches).size, swatches.length - 1, 'but for the two parts that are one station each')
    }))
})
