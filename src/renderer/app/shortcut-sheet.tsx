import { Kbd, Modal } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useShortcutText } from '../ui/shortcuts.ts'
import styles from './shortcut-sheet.module.css'

/** Every shortcut of the window, by where it works. */
export function ShortcutSheet({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const { t } = useTranslation()
  const keys = useShortcutText()
  const groups = [
    {
      title: t('shortcuts.anywhere'),
      rows: [
        [t('shortcuts.palette'), keys('palette')],
        [t('shortcuts.new'), keys('new')],
        [t('shortcuts.newInBrowser'), keys('newInBrowser')],
        [t('shortcuts.search'), keys('search')],
        [t('shortcuts.previous'), keys('previous')],
        [t('shortcuts.next'), keys('next')],
        [t('shortcuts.settings'), keys('settings')],
        [t('shortcuts.help'), keys('help')],
      ],
    },
    {
      title: t('shortcuts.inConversation'),
      rows: [
        [t('shortcuts.send'), 'Enter'],
        [t('shortcuts.newLine'), 'Shift Enter'],
        [t('shortcuts.stop'), 'Esc'],
      ],
    },
    {
      title: t('shortcuts.inList'),
      rows: [
        [t('shortcuts.move'), '↑ ↓'],
        [t('shortcuts.rename'), 'F2'],
        [t('shortcuts.delete'), 'Delete'],
      ],
    },
  ] as const
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('shortcuts.title')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      {groups.map(({ title, rows }) => (
        <section key={title} className={styles.group}>
          <h3>{title}</h3>
          <dl className={styles.list}>
            {rows.map(([name, shortcut]) => (
              <div key={name} className={styles.row}>
                <dt>{name}</dt>
                <dd>
                  <Kbd>{shortcut}</Kbd>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  )
}
