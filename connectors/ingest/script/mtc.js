/* Tells LeadHeat of page views by the protocol of Mautic's tracking script. Without dependencies, for any browser. */
(function (window, document, location, navigator) {
  'use strict'

  var script = document.currentScript || document.querySelector('script[src*="mtc.js"]')
  var host = script.src.split('?')[0].replace(/\/mtc\.js$/, '')
  var name = window.MauticTrackingObject || 'mt'
  var waiting = (window[name] && window[name].q) || []
  var counter = 0
  var answered = false // the first answer says which device this is; what follows waits for it
  var held = []

  function stored(key) {
    try { return window.localStorage.getItem(key) } catch (shut) { return null }
  }

  function store(key, value) {
    try { window.localStorage.setItem(key, value) } catch (shut) { /* the cookie of the host remains */ }
  }

  function serialized(fields) {
    return Object.keys(fields).map(function (key) {
      return encodeURIComponent(key) + '=' + encodeURIComponent(fields[key])
    }).join('&')
  }

  function page() {
    var language = navigator.language || ''
    var fields = {
      page_title: document.title,
      page_language: language,
      preferred_locale: language.replace('-', '_'),
      page_referrer: document.referrer ? document.referrer.split('/')[2] : '',
      page_url: location.href,
      counter: counter++,
      timezone_offset: new Date().getTimezoneOffset(),
      resolution: window.screen.width + 'x' + window.screen.height,
      platform: navigator.platform || '',
      do_not_track: navigator.doNotTrack === '1'
    }
    if (window.Intl) fields.timezone = new Intl.DateTimeFormat().resolvedOptions().timeZone
    return fields
  }

  function delivered(view, response) {
    answered = true
    var done = view.options.onload
    if (typeof done === 'function') done(response)
    var detail = { event: view.call, params: view.fields, response: response, image: !response }
    document.dispatchEvent(new CustomEvent('mauticPageEventDelivered', { detail: detail }))
    held.splice(0).forEach(send)
  }

  function sendImage(view) {
    var image = new Image()
    image.onload = function () { delivered(view) }
    image.onerror = image.onabort = function () {
      if (typeof view.options.onerror === 'function') view.options.onerror()
      answered = true
      held.splice(0).forEach(send)
    }
    image.src = host + '/mtracking.gif?' + serialized(view.fields)
  }

  function send(view) {
    var device = stored('mautic_device_id')
    if (device) view.fields.mautic_device_id = device
    var request = new XMLHttpRequest()
    request.open('POST', host + '/mtc/event')
    request.withCredentials = true
    request.setRequestHeader('X-Requested-With', 'XMLHttpRequest')
    request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded')
    request.onload = function () {
      var response
      try { response = JSON.parse(request.responseText) } catch (other) { response = {} }
      if (request.status >= 300 || !response.success) return sendImage(view)
      store('mtc_id', response.id)
      store('mtc_sid', response.sid)
      store('mautic_device_id', response.device_id)
      delivered(view, response)
    }
    request.onerror = function () { sendImage(view) }
    request.send(serialized(view.fields))
  }

  function take(call) {
    if (call[0] !== 'send' || call[1] !== 'pageview') return
    var fields = page()
    Object.keys(call[2] || {}).forEach(function (key) { fields[key] = call[2][key] })
    var view = { call: call, fields: fields, options: call[3] || {} }
    if (answered || view.fields.counter === 0) send(view)
    else held.push(view)
  }

  window[name] = function () { take(arguments) }
  for (var i = 0; i < waiting.length; i++) take(waiting[i])
})(window, document, location, navigator)
