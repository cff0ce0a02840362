import { Spotlight, type SpotlightFilterFunction } from '@mantine/spotlight'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { ranked, type FindableGroup } from '../lib/palette-rank.ts'
import { useStores } from '../stores/stores.ts'
import { paletteStore } from '../ui/palette-control.ts'
import { usePaletteGroups, type PaletteAction } from './palette-actions.tsx'
import styles from './palette.module.css'

/** The library keeps the groups as they were given and hands them back to be filtered. */
const filter: SpotlightFilterFunction = (query, groups) => [
  ...ranked(query, groups as readonly FindableGroup<PaletteAction>[]),
]

/** Ctrl/⌘ K: every action, assistant, model and conversation. */
export function Palette({ showHelp }: { readonly showHelp: () => void }) {
  const { t } = useTranslation()
  const { finder } = useStores()
  const found = useStore(finder.store, (state) => state.found)
  useEffect(() => chooseFirst(), [found])
  const groups = usePaletteGroups(showHelp)
  const composing = useRef(false)
  return (
    <Spotlight
      store={paletteStore}
      actions={[...groups]}
      filter={filter}
      shortcut={['mod + K']}
      tagsToIgnore={[]}
      triggerOnContentEditable
      // Closing empties the field, which is no question.
      onQueryChange={(query) => {
        if (paletteStore.getState().opened && !composing.current) finder.find(query)
      }}
      onSpotlightOpen={() => finder.find('')}
      nothingFound={t('palette.empty')}
      highlightQuery
      limit={60}
      scrollable
      maxHeight={440}
      centered={false}
      lockScroll={false}
      classNames={{ inner: styles.inner ?? '', content: styles.content ?? '' }}
      overlayProps={{ blur: 0, backgroundOpacity: 0.35 }}
      attributes={{ content: { 'aria-label': t('app.openPalette') } }}
      scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}
      transitionProps={{ duration: 80, transition: 'fade' }}
      searchProps={{
        onKeyDown: runFirst,
        // What an input method has not finished is no question.
        onCompositionStart: () => {
          composing.current = true
        },
        onCompositionEnd: (event) => {
          composing.current = false
          finder.find(event.currentTarget.value)
        },
        leftSection: <IconSearch size={18} stroke={1.7} aria-hidden />,
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
      }}
    />
  )
}

/** The library chooses the first hit when the text changes; conversations may come after that. */
function chooseFirst(): void {
  const { opened, query, listId } = paletteStore.getState()
  const list = opened && query !== '' ? document.getElementById(listId) : null
  if (!list || list.querySelector('[data-selected]')) return
  list.querySelector('[data-action]')?.setAttribute('data-selected', 'true')
  paletteStore.updateState((state) => ({ ...state, selected: 0 }))
}

/**
 * Typing and Enter is enough: the first hit runs where none is chosen. The library chooses it too, but before the new
 * hits are on the page, so that on a busy machine nothing is chosen.
 */
function runFirst(event: KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
  const dialog = event.currentTarget.closest('[role="dialog"]')
  if (dialog && !dialog.querySelector('[data-selected]')) dialog.querySelector<HTMLElement>('[data-action]')?.click()
}
