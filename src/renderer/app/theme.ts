import {
  createTheme,
  convertCssVariables,
  defaultCssVariablesResolver,
  DEFAULT_THEME,
  mergeMantineTheme,
  type ConvertCSSVariablesInput,
  type MantineColorsTuple,
} from '@mantine/core'

/** The one accent. Shade 7 on white and shade 4 on the dark surface keep at least 4.5:1. */
const accent: MantineColorsTuple = [
  '#eef3ff',
  '#dbe6fe',
  '#bcd0fd',
  '#93b1fb',
  '#7096f8',
  '#4f78f0',
  '#3b62e3',
  '#2f50c8',
  '#2942a2',
  '#263a80',
]
/** Cool greys; 6 to 8 are the dark surfaces, from raised to deepest. */
const dark: MantineColorsTuple = [
  '#dfe2e8',
  '#bcc1cb',
  '#9aa1ae',
  '#7c8492',
  '#4a515e',
  '#383e49',
  '#2a2f38',
  '#1d2127',
  '#16191e',
  '#101216',
]

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 7, dark: 6 },
  colors: { accent, dark },
  black: '#1b1f27',
  fontFamily:
    'Inter, "Segoe UI", system-ui, -apple-system, Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", Consolas, "Noto Sans Mono", "Noto Sans Mono CJK SC", monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { md: '1.5' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '16px' },
  defaultRadius: 'sm',
  respectReducedMotion: true,
  cursorType: 'pointer',
  focusRing: 'auto',
  components: {
    // Locking the scroll of the page writes a style element, which the content policy forbids; the page does not
    // scroll.
    Modal: {
      defaultProps: { lockScroll: false, transitionProps: { duration: 120, transition: 'fade' }, centered: true },
    },
    Drawer: { defaultProps: { lockScroll: false, transitionProps: { duration: 120 } } },
    Menu: { defaultProps: { transitionProps: { duration: 80 }, shadow: 'md', withinPortal: true } },
    Popover: { defaultProps: { transitionProps: { duration: 80 }, shadow: 'md' } },
    Tooltip: { defaultProps: { openDelay: 400, transitionProps: { duration: 80 }, fz: 12 } },
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm' } },
  },
})

/** Mantine's variables with ours over them: greys of at least 4.5:1 on every surface of either scheme. */
function themeVariables(): ConvertCSSVariablesInput {
  const { variables, light, dark: night } = defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme))
  return {
    variables: variables,
    light: {
      ...light,
      '--mantine-color-dimmed': '#565e6c',
      '--mantine-color-placeholder': '#686f7d',
      '--mantine-color-error': '#b42318',
      '--mantine-color-gray-light-color': '#565e6c',
      '--mantine-color-accent-light-color': '#2f50c8',
    },
    dark: {
      ...night,
      '--mantine-color-body': '#1d2127',
      '--mantine-color-text': '#dfe2e8',
      '--mantine-color-dimmed': '#9fa6b3',
      '--mantine-color-placeholder': '#8d95a3',
      '--mantine-color-error': '#f58f86',
      '--mantine-color-default': '#22262d',
      '--mantine-color-default-hover': '#2a2f38',
      '--mantine-color-default-border': '#3d434f',
      '--mantine-color-gray-light-color': '#9fa6b3',
      '--mantine-color-accent-light-color': '#93b1fb',
    },
  }
}

/**
 * Puts the theme's variables into a constructed style sheet. Mantine would write a style element, which
 * `style-src 'self'` forbids; a constructed sheet is allowed.
 */
export function installThemeVariables(target: Document): void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(convertCssVariables(themeVariables(), ':root'))
  target.adoptedStyleSheets = [...target.adoptedStyleSheets, sheet]
}
