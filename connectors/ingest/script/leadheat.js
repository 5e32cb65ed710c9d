// LeadHeat in a browser: tells its host what somebody does here. See docs/trackers/browser.md
(() => {
  'use strict'
  const NAME = 'leadheat'
  const BOX = NAME + '.unsent'
  const MOST_UNSENT = 100
  const EVENT_CHARS = 8000 // at most 32 kB, as the gateway takes
  const BATCH_CHARS = 15000 // at most 60 kB, as a page that is left may send
  const IDLE_MS = 30000 // that long without a sign of life, nobody reads
  const FILES = /\.(pdf|docx?|xlsx?|pptx?|od[tsp]|csv|txt|epub|zip|rar|gz|dmg|exe|msi|pkg|mp[34]|mov)$/i

  const script = document.currentScript
  const stub = window[NAME] || {}
  if (!script || stub.loaded) return
  const options = script.dataset
  const endpoint = new URL('v1/e', script.src) + '?key=' + encodeURIComponent(options.key)

  const attempt = (action) => {
    try {
      return action()
    } catch (_) {} // no business of the page's
  }
  const on = (target, names, handler) =>
    names.split(' ').forEach((name) => target.addEventListener(name, (event) => attempt(() => handler(event)), true))
  const unique = () => crypto.getRandomValues(new Uint32Array(4)).join('-')
  const now = () => performance.now()
  const clock = () => new Date().toISOString()

  // Id and choices are kept in storage, or in a cookie where that is shut or subdomains share them.
  const cookie = () => decodeURIComponent(document.cookie.match(/(?:^|; )leadheat=([^;]*)/)[1])
  const stored = () =>
    attempt(() => JSON.parse(cookie())) || attempt(() => JSON.parse(localStorage.getItem(NAME))) || {}
  let kept = stored()

  const keep = (state) => {
    kept = state
    const text = JSON.stringify(state)
    const open = attempt(() => localStorage.setItem(NAME, text) || 1)
    const domain = options.domain ? '; domain=' + options.domain : ''
    if (open && !domain && !attempt(cookie)) return
    const secure = location.protocol === 'https:' ? '; secure' : ''
    const value = encodeURIComponent(text)
    attempt(() => (document.cookie = `${NAME}=${value}; path=/; samesite=lax; max-age=34128000${domain}${secure}`))
  }

  const refused = () =>
    options.consent === 'required' ||
    ('respectSignals' in options && (navigator.globalPrivacyControl || navigator.doNotTrack === '1'))
  const allowed = () => (kept.tracking === undefined ? !refused() : kept.tracking)

  // Events have ids from the start: sent twice, they count once.
  let queue = []
  let busy = [] // the part that is being sent
  let failures = 0
  let timer

  // All tabs share the box: each puts in what is unsent and takes out what arrived.
  const box = (arrived, unsent) =>
    attempt(() => {
      const ids = arrived.concat(unsent).map((event) => event.id)
      const others = JSON.parse(localStorage.getItem(BOX) || '[]').filter((event) => !ids.includes(event.id))
      const all = others.concat(unsent).slice(-MOST_UNSENT)
      if (all.length) localStorage.setItem(BOX, JSON.stringify(all))
      else localStorage.removeItem(BOX)
      return others
    }) || []

  const settle = (arrived) => {
    queue = queue.filter((event) => !arrived.includes(event))
    box(arrived, [])
  }
  const portion = (events) => {
    let size = 0
    return events.filter((event) => (size += JSON.stringify(event).length) < BATCH_CHARS)
  }
  const body = (events) => JSON.stringify({ sent_at: clock(), events })
  const sendIn = (wait) => {
    clearTimeout(timer)
    timer = setTimeout(send, wait)
  }

  const send = async () => {
    timer = clearTimeout(timer)
    if (busy[0] || !queue[0] || navigator.onLine === false) return
    const sent = (busy = portion(queue))
    const request = { method: 'POST', body: body(sent), keepalive: true, credentials: 'omit' }
    const status = await fetch(endpoint, request).then((answer) => answer.status, () => 0)
    busy = []
    if (status && status !== 429 && status < 500) {
      failures = 0
      settle(sent)
      send()
    } else {
      box([], queue)
      sendIn(Math.min(60000, 1000 * 2 ** failures++) * (1 + Math.random()))
    }
  }

  // The page may not run again. A beacon's fate is unknown: after a failure, keep its events as well.
  const sendLast = () => {
    let rest = queue.filter((event) => !busy.includes(event))
    while (rest[0] && navigator.onLine !== false) {
      const part = portion(rest)
      if (!navigator.sendBeacon(endpoint, body(part))) break
      if (!failures) settle(part)
      rest = rest.slice(part.length)
    }
    if (queue[0]) box([], queue)
  }

  const record = (type, fields) => {
    if (!allowed()) return
    if (!kept.id) keep({ ...kept, id: unique() })
    const event = { id: unique(), type, time: clock(), anonymous_id: kept.id, context: campaign, ...fields }
    const text = JSON.stringify(event) // as it is now
    if (text.length < EVENT_CHARS) queue = queue.concat(JSON.parse(text)).slice(-MOST_UNSENT)
    if (!timer) sendIn(1000)
  }

  // Without what may name a person: e-mail addresses, tokens after #.
  const clean = (address) => {
    const url = new URL(address)
    Array.from(url.searchParams).forEach(([name, value]) => {
      if (value.includes('@')) url.searchParams.delete(name)
    })
    if (!/^#[!/]/.test(url.hash)) url.hash = ''
    return url.href
  }
  const here = () => ({ url: clean(location.href), title: document.title })

  // Whose link from an e-mail it was; not to be passed on with the address.
  const landing = new URL(location.href)
  let tie = landing.searchParams.get('lh')
  landing.searchParams.delete('lh')
  if (tie) attempt(() => history.replaceState(history.state, '', landing))

  let page = here()
  let referrer = attempt(() => clean(document.referrer))
  let campaign

  const happened = (type, properties, fields) =>
    record(type, { properties: { ...page, ...properties }, ...fields })

  const view = () => {
    spend()
    spent = 0
    page = here()
    new URL(page.url).searchParams.forEach((value, name) => {
      if (/^utm_/.test(name)) campaign = { ...campaign, [name]: value }
    })
    active()
    if (!allowed()) return
    if (tie) record('identify', { link: tie })
    happened('page_view', { referrer })
    tie = ''
    referrer = page.url
  }

  // Applications set the title after the address: look when they are done.
  let moving
  const look = () => {
    moving = clearTimeout(moving)
    if (here().url !== page.url) view()
  }
  const moved = () => {
    clearTimeout(moving)
    moving = setTimeout(() => attempt(look), 50)
  }
  const { pushState } = history
  history.pushState = function () {
    pushState.apply(this, arguments)
    moved()
  }

  // Time counts while the page is seen and somebody is there.
  let since = 0
  let lastSign = 0
  let spent = 0

  const pause = () => {
    if (since) spent += Math.max(0, Math.min(now(), lastSign + IDLE_MS) - since)
    since = 0
  }
  const active = () => {
    if (document.visibilityState === 'hidden') return
    if (now() > lastSign + IDLE_MS) pause()
    lastSign = now()
    since = since || lastSign
  }
  const spend = () => {
    const going = since && now() < lastSign + IDLE_MS
    pause()
    if (going) since = now()
    if (spent < 1000) return
    happened('page_time', { duration_s: Math.round(spent) / 1000 })
    spent = 0
  }
  const leave = () => {
    if (moving) look()
    spend()
    pause()
    sendLast()
  }

  const clicked = (event) => {
    const link = event.button < 2 && event.composedPath().find((one) => one.tagName === 'A' && one.href)
    if (!link) return
    const { origin, pathname, hostname } = new URL(link.href)
    const file = pathname.split('/').pop()
    const told = hostname && { link: origin + pathname } // a query may hold a key
    if (link.hasAttribute('download') || FILES.test(file))
      happened('download', { ...told, asset: link.download || undefined })
    else if (hostname && hostname !== location.hostname && !('.' + hostname).endsWith('.' + options.domain))
      happened('link_click', told)
  }

  const submitted = ({ target: form }) => {
    happened('form_submit', { form: form.getAttribute('name') || form.getAttribute('id') || '' })
    const how = form.getAttribute('data-leadheat-identify')
    const email = how !== null && form.querySelector('[type=email],[name=email]').value.trim().toLowerCase()
    if (/.@./.test(email)) commands.identify(how === 'traits' ? null : email, { email })
  }

  const commands = {
    page: view,
    track: (name, properties) => happened('track', properties, { name }),
    identify: (lead, traits) =>
      record('identify', lead === Object(lead) ? { traits: lead } : { lead_id: lead, traits }),
    consent: (choices) => {
      const said = JSON.stringify(choices)
      if (said === kept.said) return // told on every page, as banners do
      spend()
      const before = allowed()
      const tell = () => record('identify', { traits: { consent: { ...choices, at: clock() } } })
      const { tracking = kept.tracking } = choices
      if (tracking === false) {
        if (kept.id) tell() // the last that is heard of this id
        keep({ tracking, said })
      } else {
        keep({ ...kept, tracking, said })
        tell()
        if (started && !before && allowed()) view()
      }
    },
    forget: () => {
      leave()
      queue = []
      keep({})
      attempt(() => localStorage.removeItem(BOX))
    },
  }

  const call = (name, ...rest) => attempt(() => commands[name](...rest))
  let started = false
  const start = () => {
    queue = box([], []).concat(queue)
    started = true
    view()
    if (queue[0]) sendIn(1000)
  }

  window[NAME] = call
  call.loaded = true
  ;(stub.q || []).forEach((given) => call(...given))
  on(window, 'popstate hashchange', moved)
  on(window, 'pageshow', (event) => event.persisted && view())
  on(window, 'pagehide', leave)
  on(window, 'online', send)
  on(window, 'storage', () => (kept = stored()))
  on(document, 'visibilitychange', () => (document.visibilityState === 'hidden' ? leave() : active()))
  on(document, 'pointermove pointerdown keydown scroll', active)
  on(document, 'click auxclick', clicked)
  on(document, 'submit', submitted)
  setInterval(() => attempt(spend), IDLE_MS)
  if (document.prerendering) on(document, 'prerenderingchange', start)
  else attempt(start)
})()
