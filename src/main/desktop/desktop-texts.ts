/** The few words the host itself says; everything else is the page's. */
export interface DesktopTexts {
  readonly open: string
  readonly copyEndpoint: string
  readonly quit: string
  readonly file: string
  readonly closeWindow: string
  readonly edit: string
  readonly undo: string
  readonly redo: string
  readonly cut: string
  readonly copy: string
  readonly paste: string
  readonly selectAll: string
  readonly view: string
  readonly zoomIn: string
  readonly zoomOut: string
  readonly zoomReset: string
  readonly fullScreen: string
  readonly cancel: string
  readonly ok: string
  readonly openLinkTitle: string
  readonly openLinkConfirm: string
  readonly staysInTray: string
  readonly staysInTrayDetail: string
  readonly startFailed: string
  readonly portTaken: string
  readonly portTakenDetail: string
  readonly useFreePort: string
  readonly pageFailed: string
  readonly pageFailedDetail: string
}

const en: DesktopTexts = {
  open: 'Open Switchboard',
  copyEndpoint: 'Copy endpoint address',
  quit: 'Quit',
  file: 'File',
  closeWindow: 'Close window',
  edit: 'Edit',
  undo: 'Undo',
  redo: 'Redo',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  selectAll: 'Select all',
  view: 'View',
  zoomIn: 'Larger',
  zoomOut: 'Smaller',
  zoomReset: 'Actual size',
  fullScreen: 'Full screen',
  cancel: 'Cancel',
  ok: 'OK',
  openLinkTitle: 'Open this page in your browser?',
  openLinkConfirm: 'Open',
  staysInTray: 'Switchboard keeps answering',
  staysInTrayDetail:
    'The window is closed; the local endpoint stays on. Open the window again from the icon in the tray, or by starting Switchboard again. Quit from the same icon.',
  startFailed: 'Switchboard could not start',
  portTaken: 'Another program uses the port of the endpoint',
  portTakenDetail:
    'Switchboard can take a free port this time. Programs that call it need the new address, which is shown at the bottom of the window.',
  useFreePort: 'Use a free port',
  pageFailed: 'The window stopped several times',
  pageFailedDetail: 'The local endpoint and your conversations are not affected. Quit and start Switchboard again.',
}

const zhCN: DesktopTexts = {
  open: '打开 Switchboard',
  copyEndpoint: '复制本地接口地址',
  quit: '退出',
  file: '文件',
  closeWindow: '关闭窗口',
  edit: '编辑',
  undo: '撤销',
  redo: '重做',
  cut: '剪切',
  copy: '复制',
  paste: '粘贴',
  selectAll: '全选',
  view: '查看',
  zoomIn: '放大',
  zoomOut: '缩小',
  zoomReset: '实际大小',
  fullScreen: '全屏',
  cancel: '取消',
  ok: '好',
  openLinkTitle: '要在浏览器中打开此页面吗？',
  openLinkConfirm: '打开',
  staysInTray: 'Switchboard 会继续应答',
  staysInTrayDetail:
    '窗口已关闭，本地接口仍在运行。点击托盘图标或再次启动 Switchboard 即可重新打开窗口；也可从该图标退出。',
  startFailed: 'Switchboard 无法启动',
  portTaken: '本地接口的端口已被其他程序占用',
  portTakenDetail: 'Switchboard 本次可以改用一个空闲端口。调用它的程序需要使用新地址，该地址显示在窗口底部。',
  useFreePort: '使用空闲端口',
  pageFailed: '窗口多次停止工作',
  pageFailedDetail: '本地接口和您的对话不受影响。请退出后重新启动 Switchboard。',
}

/** Words in the chosen language; `auto` follows the system. */
export function desktopTexts(language: 'auto' | 'en' | 'zh-CN', systemLocale: string): DesktopTexts {
  const chinese = language === 'zh-CN' || (language === 'auto' && systemLocale.toLowerCase().startsWith('zh'))
  return chinese ? zhCN : en
}
