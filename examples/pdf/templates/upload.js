// Uploads the chosen files to the bucket, orders that they are read, and follows the list while some wait.
const AT_ONCE = 1000
const LOOK_AGAIN_MS = 2000

async function call(path, body) {
  const answer = await fetch(path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  })
  const json = await answer.json()
  const wrong = json.errors?.map((error) => `${error.field} ${error.message}.`).join(' ')
  if (!answer.ok) throw new Error(wrong ?? json.detail)
  return json
}

async function upload(file) {
  const { id, upload } = await call('/v1/files', { name: file.name, bytes: file.size })
  const stored = await fetch(upload.url, { method: upload.method, body: file })
  if (!stored.ok) throw new Error(`${file.name} could not be uploaded.`)
  return id
}

async function read(ids) {
  for (let next = 0; next < ids.length; next += AT_ONCE) {
    await call('/v1/extractions', { file_ids: ids.slice(next, next + AT_ONCE) })
  }
}

document.getElementById('upload')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const [form, progress] = [event.target, document.getElementById('progress')]
  const button = form.querySelector('button')
  button.disabled = true
  const ids = []
  try {
    for (const file of form.elements.files.files) {
      progress.textContent = `Uploading ${file.name} …`
      ids.push(await upload(file))
    }
    await read(ids)
    location.assign('/')
  } catch (error) {
    progress.textContent = error.message
    button.disabled = false
    await read(ids).catch(() => {})
  }
})

for (const button of document.querySelectorAll('[data-read]')) {
  button.addEventListener('click', async () => {
    await read([button.dataset.read])
    location.reload()
  })
}

async function follow() {
  const list = document.querySelector('#list[data-pending]')
  if (!list) return
  const answer = await fetch(location.href).catch(() => null)
  if (answer?.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const fresh = page.getElementById('list')
    if (!fresh) return location.reload()
    list.replaceWith(fresh)
  }
  setTimeout(follow, LOOK_AGAIN_MS)
}
setTimeout(follow, LOOK_AGAIN_MS)
