import i18next from 'i18next'
import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import { beforeAll, describe, expect, test } from 'vitest'
import { startI18n } from '../lib/i18n/i18n.ts'
import { Markdown } from './markdown.tsx'

beforeAll(() => startI18n('en'))

const render = (text: string): string =>
  renderToStaticMarkup(
    <MantineProvider withCssVariables={false} withGlobalClasses={false}>
      <Markdown text={text} />
    </MantineProvider>,
  )

/**
 * The tags of the markup with the names of their attributes; text, and what stands inside quotes, cannot do anything.
 */
const tags = (html: string): readonly string[] =>
  (html.match(/<[a-z][^>]*>/gi) ?? []).map((tag) => tag.replaceAll(/="[^"]*"/g, '=""'))

const target = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java&#115;cript:alert(1)',
  'java\tscript:alert(1)',
  '&#x6A;avascript:alert(1)',
  'data:text/html;base64,PHNjcmlwdD4=',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'https://evil.example/?q=secret',
  '//evil.example/x',
  '\\\\evil.example\\x',
]
const raw = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="https://evil.example/p.png">',
  '<svg onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<iframe src="https://evil.example"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<a href="javascript:alert(1)">x</a>',
  '<body onload=alert(1)>',
  '<video><source onerror="alert(1)"></video>',
  '<math><mtext></table><img src=x onerror=alert(1)>',
  '<form action="https://evil.example"><button>x</button></form>',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '<link rel=stylesheet href="https://evil.example/x.css">',
  '<base href="https://evil.example/">',
  '<object data="https://evil.example"></object>',
  '<embed src="https://evil.example">',
  '<style>@import "https://evil.example"</style>',
  '<input autofocus onfocus=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<div style="background:url(https://evil.example)">',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<!--><img src=x onerror=alert(1)>-->',
  '<![CDATA[<img src=x onerror=alert(1)>]]>',
  '<x onclick=alert(1)>',
  '<marquee onstart=alert(1)>',
  '<template><img src=x onerror=alert(1)></template>',
]
const corpus = [
  ...raw,
  ...raw.flatMap((html) => [
    `text ${html} text`,
    `- ${html}`,
    `> ${html}`,
    `| a |\n|---|\n| ${html} |`,
    `**${html}**`,
    `# ${html}`,
    `\`\`\`html\n${html}\n\`\`\``,
    `\`${html}\``,
    `[${html}](https://ok.example)`,
    `![${html}](https://evil.example/x.png)`,
  ]),
  ...target.flatMap((url) => [
    `[x](${url})`,
    `[x](<${url}>)`,
    `![x](${url})`,
    `![x](<${url}> "title")`,
    `<${url}>`,
    `[x][r]\n\n[r]: ${url}`,
    `[x][r]\n[r]: <${url}> "t"`,
    `![x][r]\n[r]: ${url}`,
    `[![alt](${url})](${url})`,
    url,
    `[^1]\n\n[^1]: ${url}`,
    `- [ ] ${url}`,
  ]),
  '[x](https://ok.example "onmouseover=alert(1)")',
  '[x](https://ok.example" onmouseover="alert(1))',
  '![a" onerror="alert(1)](https://evil.example)',
  '``` "onload="alert(1)\nx\n```',
  '~~~<img src=x onerror=alert(1)>\nx\n~~~',
]

describe(`hostile markdown (${corpus.length} cases, whole and cut as a stream would)`, { timeout: 60_000 }, () => {
  const dangerous =
    /^<(?:script|iframe|img|object|embed|form|meta|link|base|style|video|audio|source|frame|input)\b|\s(?:src|srcset|srcdoc|href|action|formaction|data|poster|background|ping|on\w+)\s*=/i
  const check = (html: string): readonly string[] => tags(html).filter((tag) => dangerous.test(tag))

  test('nothing that loads, runs or navigates comes out', () => {
    expect(corpus.map((text) => [text, check(render(text))] as const).filter(([, found]) => found.length > 0)).toEqual(
      [],
    )
  })

  test('nor while it streams in', () => {
    const cuts = corpus.flatMap((text) =>
      [0.3, 0.5, 0.7, 0.9].map((part) => text.slice(0, Math.ceil(text.length * part))),
    )
    expect(cuts.map((text) => [text, check(render(text))] as const).filter(([, found]) => found.length > 0)).toEqual([])
  })

  test('the check itself finds what it looks for', () => {
    expect(check('<p><img alt="x" src="y"><a href="z"><b onclick="1"><script>').length).toBe(4)
  })
})

test('ordinary markdown keeps its meaning', () => {
  expect(render('**bold** and `code`\n\n1. a\n2. b\n\n| h |\n|---|\n| c |')).toMatch(
    /<strong>bold<\/strong>.*<code>code<\/code>.*<ol>.*<li>a<\/li>.*<table>.*<td>c<\/td>/s,
  )
})

test('a link shows its real host and a picture only its description', () => {
  expect(render('[your bank](https://evil.example/login)')).toContain('(evil.example)')
  expect(render('![a cat](https://evil.example/cat.png)')).toContain(i18next.t('markdown.image', { alt: 'a cat' }))
})

test('raw HTML is shown as the text it is', () => {
  expect(render('<b onclick="x()">hi</b>')).toContain('&lt;b onclick=&quot;x()&quot;&gt;hi&lt;/b&gt;')
})
