import { memo, useMemo, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import ReactMarkdown, { type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import { markdownBlocks } from '../lib/markdown-blocks.ts'
import { safeUrl } from '../lib/safe-url.ts'
import { CopyButton } from './copy-button.tsx'
import { useLinkOpener } from './link-opener.ts'
import styles from './markdown.module.css'

/** Text of a rendered node, for copying code. */
function plainText(node: ReactNode): string {
  if (typeof node === 'string' || typeof node === 'number') return String(node)
  if (Array.isArray(node)) return node.map(plainText).join('')
  if (typeof node === 'object' && node !== null && 'props' in node)
    return plainText((node.props as { children?: ReactNode }).children)
  return ''
}

/**
 * A link as a button: nothing to prefetch, to drag or to open by the middle mouse button; the host stands beside it.
 */
function Link({ href, children }: { readonly href?: string | undefined; readonly children?: ReactNode }) {
  const { t } = useTranslation()
  const open = useLinkOpener()
  const url = safeUrl(href)
  if (!url) return <span title={t('markdown.blockedLink')}>{children}</span>
  const text = plainText(children)
  return (
    <>
      <button
        type="button"
        role="link"
        className={styles.link}
        title={url.href}
        aria-label={t('markdown.link', { text, host: url.host })}
        onClick={() => open(url)}
      >
        {children}
      </button>
      {text.includes(url.host) ? null : (
        <span className={styles.host} aria-hidden>
          ({url.host})
        </span>
      )}
    </>
  )
}

/** Images are never fetched: a picture in a reply could carry the conversation to a stranger's server. */
function Image({ alt }: { readonly alt?: string | undefined }) {
  const { t } = useTranslation()
  return <span className={styles.image}>{alt ? t('markdown.image', { alt }) : t('markdown.imageNoAlt')}</span>
}

function Code({ children }: { readonly children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <div className={styles.code}>
      <pre tabIndex={0} aria-label={t('markdown.code')}>
        {children}
      </pre>
      <div className={styles.codeCopy}>
        <CopyButton text={plainText(children).replace(/\n$/, '')} label={t('markdown.copyCode')} />
      </div>
    </div>
  )
}

function Table({ children }: { readonly children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <div className={styles.tableScroll} role="region" aria-label={t('markdown.table')} tabIndex={0}>
      <table>{children}</table>
    </div>
  )
}

const components: Components = {
  a: ({ href, children }) => <Link href={href}>{children}</Link>,
  img: ({ alt }) => <Image alt={alt} />,
  pre: ({ children }) => <Code>{children}</Code>,
  table: ({ children }) => <Table>{children}</Table>,
  // Headings of a reply are not headings of the page.
  h1: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  h2: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  h3: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  h4: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  h5: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  h6: ({ children }) => (
    <p>
      <strong>{children}</strong>
    </p>
  ),
  input: ({ checked }) => <span aria-hidden>{checked ? '☑ ' : '☐ '}</span>,
  // Footnotes would jump inside the page; their text stays.
  section: ({ children }) => <div>{children}</div>,
}

const plugins = [remarkGfm]
/** Links are judged where they are shown; here everything is let through as text. */
const keepUrl = (url: string): string => url

const Block = memo(function Block({ text }: { readonly text: string }) {
  return (
    <ReactMarkdown remarkPlugins={plugins} components={components} urlTransform={keepUrl} skipHtml={false}>
      {text}
    </ReactMarkdown>
  )
})

/**
 * Markdown of a stranger: no HTML, no images, links only by question. Blocks that did not change are not rendered
 * again.
 */
export const Markdown = memo(function Markdown({ text }: { readonly text: string }) {
  const blocks = useMemo(() => markdownBlocks(text), [text])
  return (
    <div className={styles.markdown}>
      {blocks.map((block, index) => (
        <Block key={index} text={block} />
      ))}
    </div>
  )
})
