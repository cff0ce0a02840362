import { dialog, shell } from 'electron'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { DesktopTexts } from './desktop-texts.ts'
import { externalAddress } from './external-address.ts'

/**
 * Asks the user and opens a web page in the browser. The only place that passes anything to the operating system.
 * @throws SwitchboardError invalid_request for anything but a plain http or https address; cancelled when the user
 *   declines.
 */
export async function openExternalLink(text: string, texts: DesktopTexts): Promise<void> {
  const address = externalAddress(text)
  if (address === null)
    throw new SwitchboardError('invalid_request', 'Only http and https addresses without credentials can be opened.', {
      param: 'url',
    })
  const { response } = await dialog.showMessageBox({
    type: 'question',
    title: texts.openLinkTitle,
    message: `${texts.openLinkTitle}\n${address.host}`,
    detail: address.href,
    buttons: [texts.openLinkConfirm, texts.cancel],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  })
  if (response !== 0) throw new SwitchboardError('cancelled', 'The address was not opened.')
  await shell.openExternal(address.href)
}
