import { ActionIcon } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { IconX } from '@tabler/icons-react'
import { useEffect, useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { FieldFocus } from './form-values.ts'
import styles from './inspector.module.css'

/** Widths in px. */
const DEFAULT_WIDTH = 360
const MIN_WIDTH = 300
const MAX_WIDTH = 560
const KEY_STEP = 16

/** The palette gives the focus back to where it was this long after it closed. */
const FOCUS_AFTER_MS = 30

interface DockedInspectorProps {
  readonly focus: FieldFocus | null
  readonly onClose: () => void
  readonly children: ReactNode
}

/** The inspector at the right of the page, as wide as people like it; Esc closes it. */
export function DockedInspector({ focus, onClose, children }: DockedInspectorProps) {
  const { t } = useTranslation()
  const [width, setWidth] = useLocalStorage({
    key: 'switchboard.inspector.width',
    defaultValue: DEFAULT_WIDTH,
    getInitialValueInEffect: false,
  })
  const panel = useRef<HTMLElement>(null)
  useEffect(() => {
    if (focus === null || focus.field !== null) return
    const timer = setTimeout(() => panel.current?.focus({ preventScroll: true }), FOCUS_AFTER_MS)
    return () => clearTimeout(timer)
  }, [focus])
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Esc of any field in it
    <aside
      ref={panel}
      tabIndex={-1}
      className={styles.docked}
      style={{ width }}
      aria-label={t('inspector.title')}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented || event.nativeEvent.isComposing) return
        event.preventDefault()
        onClose()
      }}
    >
      <ResizeHandle width={width} onResize={setWidth} />
      <div className={styles.head}>
        <h2 className={styles.title}>{t('inspector.title')}</h2>
        <ActionIcon variant="subtle" color="gray" aria-label={t('app.close')} onClick={onClose}>
          <IconX size={16} aria-hidden />
        </ActionIcon>
      </div>
      <div className={styles.body}>{children}</div>
    </aside>
  )
}

function ResizeHandle({ width, onResize }: { readonly width: number; readonly onResize: (width: number) => void }) {
  const { t } = useTranslation()
  const grip = useRef<{ readonly x: number; readonly width: number } | null>(null)
  const resize = (to: number): void => onResize(Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, to))))
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowLeft') resize(width + KEY_STEP)
    else if (event.key === 'ArrowRight') resize(width - KEY_STEP)
    else if (event.key === 'Home') resize(DEFAULT_WIDTH)
    else return
    event.preventDefault()
  }
  const onPointerDown = (event: PointerEvent<HTMLElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId)
    grip.current = { x: event.clientX, width }
  }
  return (
    <div
      className={styles.handle}
      role="separator"
      aria-orientation="vertical"
      aria-label={t('inspector.resize')}
      aria-valuemin={MIN_WIDTH}
      aria-valuemax={MAX_WIDTH}
      aria-valuenow={width}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onPointerMove={(event) => {
        if (grip.current) resize(grip.current.width + grip.current.x - event.clientX)
      }}
      onPointerUp={() => {
        grip.current = null
      }}
      onPointerCancel={() => {
        grip.current = null
      }}
      onDoubleClick={() => resize(DEFAULT_WIDTH)}
    />
  )
}
