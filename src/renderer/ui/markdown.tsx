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

/** Images are never fetched: the address of a picture could carry the conversation to a foreign server. */
function Image({ alt }: { readonly alt?: string | undefined }) {
  const { t } = useTranslation()
  return <span className={styles.image}>{alt ? t('markdown.image', { alt }) : t('markdown.imageNoAlt')}</span>
}

/** The language after the opening fence; null where none was written. */
function languageOf(node: ReactNode): string | null {
  if (typeof node !== 'object' || node === null || !('props' in node)) return null
  const { className } = node.props as { readonly className?: unknown }
  return typeof className === 'string' ? (/\blanguage-([\w+#.-]{1,24})/.exec(className)?.[1] ?? null) : null
}

function Code({ children }: { readonly children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <div className={styles.code} dir="ltr">
      <div className={styles.codeHead}>
        <span>{languageOf(children) ?? t('markdown.code')}</span>
        <CopyButton text={plainText(children).replace(/\n$/, '')} label={t('markdown.copyCode')} />
      </div>
      <pre tabIndex={0} aria-label={t('markdown.code')}>
        {children}
      </pre>
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
  h1: ({ children }) => <p className={styles.large}>{children}</p>,
  h2: ({ children }) => <p className={styles.medium}>{children}</p>,
  h3: ({ children }) => <p className={styles.small}>{children}</p>,
  h4: ({ children }) => <p className={styles.small}>{children}</p>,
  h5: ({ children }) => <p className={styles.small}>{children}</p>,
  h6: ({ children }) => <p className={styles.small}>{children}</p>,
  li: ({ children, className }) => (
    <li className={className?.includes('task-list-item') ? styles.task : undefined}>{children}</li>
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
    // The direction of writing is found out for each block: a reply may quote another script.
    <div className={styles.block} dir="auto">
      <ReactMarkdown remarkPlugins={plugins} components={components} urlTransform={keepUrl} skipHtml={false}>
        {text}
      </ReactMarkdown>
    </div>
  )
})

/**
 * Markdown of unknown origin: no HTML, no images, links open only after a question. Unchanged blocks are not rendered
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
