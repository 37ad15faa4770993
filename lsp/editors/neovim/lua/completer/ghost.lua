--- Ghost text: what is shown at the caret, and what becomes of it.
---
--- An item replaces the text from its start to the caret by a text that repeats it. While a person
--- types that text, what is left of it stays on the screen; the server is told when it is shown,
--- taken in part, or gone.
local M = {}

local api = vim.api
local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2
local namespace = api.nvim_create_namespace('completer')

---@class completer.Item what the server sent, and where it goes (all counted from 0, in bytes)
---@field lsp table the item as it came
---@field text string what it inserts from `col` on
---@field row integer
---@field col integer
---@field told boolean whether the server knows that it was shown

---@class completer.Shown
---@field bufnr integer
---@field client vim.lsp.Client
---@field items completer.Item[]
---@field index integer the one that is shown
---@field invoked boolean whether a person has asked, so that alternatives were fetched
---@field since integer when it was first shown, in ms
---@field tick? integer the buffer's changes when the caret was last there
---@field partial boolean whether a part of it was accepted

---@type completer.Shown?
local shown
---@type { client: vim.lsp.Client, id: integer }?
local pending
---@type uv.uv_timer_t?
local timer
--- The place at which a person did not want it: nothing is shown there until the text changes.
local dismissed = ''
local debounce_ms = 30
local only_when_asked = false

---@return integer row, integer col
local function caret()
  local position = api.nvim_win_get_cursor(0)
  return position[1] - 1, position[2]
end

local function line_at(row)
  return api.nvim_buf_get_lines(0, row, row + 1, false)[1] or ''
end

local function place()
  local row, col = caret()
  return table.concat({ api.nvim_get_current_buf(), vim.b.changedtick, row, col }, ':')
end

--- What is left of an item at the caret; nil if the text there has become another.
---@param item completer.Item
---@return string?
local function rest_of(item)
  local row, col = caret()
  if row ~= item.row or col < item.col then
    return
  end
  local typed = line_at(row):sub(item.col + 1, col)
  if vim.startswith(item.text, typed) and #item.text > #typed then
    return item.text:sub(#typed + 1)
  end
end

---@return completer.Item? item, string? rest
local function current()
  if not shown or shown.bufnr ~= api.nvim_get_current_buf() then
    return
  end
  local item = shown.items[shown.index]
  local rest = rest_of(item)
  if rest then
    return item, rest
  end
end

local function notify(method, item, more)
  shown.client:notify('textDocument/' .. method, vim.tbl_extend('force', { item = item.lsp }, more))
end

local function utf16_length(text)
  return vim.str_utfindex(text, 'utf-16')
end

---@param rest string
---@param hint? string
local function draw(rest, hint)
  local row, col = caret()
  local lines = vim.split(rest, '\n', { plain = true })
  local virtual = vim.tbl_map(function(line)
    return { { line, 'CompleterGhost' } }
  end, lines)
  if hint then
    table.insert(virtual[#virtual], { hint, 'CompleterHint' })
  end
  api.nvim_buf_clear_namespace(0, namespace, 0, -1)
  api.nvim_buf_set_extmark(0, namespace, row, col, {
    virt_text = virtual[1],
    virt_text_pos = 'inline',
    virt_lines = #virtual > 1 and vim.list_slice(virtual, 2) or nil,
    hl_mode = 'combine',
    priority = 10,
  })
end

--- Whether a menu has an item selected, which is what Tab and Return are about then.
local function menu_is_used()
  return vim.fn.pumvisible() == 1 and vim.fn.complete_info({ 'selected' }).selected >= 0
end

--- Show the current item, or hide what is out of place.
---@param hint? string
local function render(hint)
  local item, rest = current()
  if not item or not rest or menu_is_used() or dismissed == place() then
    api.nvim_buf_clear_namespace(0, namespace, 0, -1)
    return
  end
  draw(rest, hint)
  if not item.told then
    item.told = true
    shown.since = vim.uv.now()
    notify('didShowCompletion', item, {})
  end
end

local function cancel()
  if timer then
    timer:stop()
  end
  local asked = pending and pending.client.requests[pending.id]
  if asked and asked.type == 'pending' then
    pending.client:cancel_request(pending.id)
  end
  pending = nil
end

--- Forget what is shown; the server is told, unless it was accepted.
---@param reason? 'esc'|'typed_over'|'typed_through'|'cursor_moved'|'superseded'
function M.hide(reason)
  if not shown then
    return
  end
  local item = shown.items[shown.index]
  if api.nvim_buf_is_valid(shown.bufnr) then
    api.nvim_buf_clear_namespace(shown.bufnr, namespace, 0, -1)
  end
  if reason and item.told and not shown.partial and not shown.client:is_stopped() then
    notify('didHideCompletion', item, { reason = reason, shownForMs = vim.uv.now() - shown.since })
  end
  shown = nil
end

---@param client vim.lsp.Client
---@param lsp table
---@return completer.Item
local function item_of(client, lsp)
  local row, col = caret()
  if lsp.range then
    row = lsp.range.start.line
    local units = lsp.range.start.character
    col = vim.str_byteindex(line_at(row), client.offset_encoding, units, false)
  end
  return { lsp = lsp, text = lsp.insertText, row = row, col = col, told = false }
end

--- Take the server's answer, unless the caret has gone elsewhere meanwhile.
---@param client vim.lsp.Client
---@param result? table
---@param invoked boolean
local function answered(client, result, invoked)
  if api.nvim_get_mode().mode:sub(1, 1) ~= 'i' then
    return
  end
  local before = current()
  local items = {}
  for _, each in ipairs(result and (result.items or result) or {}) do
    local item = item_of(client, each)
    if rest_of(item) then
      table.insert(items, item)
    end
  end
  if #items == 0 then
    return invoked and render(' (no other)') or nil
  end
  local index = 1
  if invoked and before and #items > 1 and items[1].text == before.text then
    index = 2
  end
  if before and before.text ~= items[index].text then
    M.hide('superseded')
  end
  if before and before.text == items[index].text then
    items[index].told = before.told -- the same text stays on the screen
    items[index].lsp = before.lsp
  end
  shown = {
    bufnr = api.nvim_get_current_buf(),
    client = client,
    items = items,
    index = index,
    invoked = invoked,
    since = shown and shown.since or vim.uv.now(),
    partial = false,
  }
  render(invoked and #items > 1 and (' (%d/%d)'):format(index, #items) or nil)
end

---@param kind integer 1: a person asked; 2: automatic
local function request(kind)
  pending = nil -- the server ends the request before this one by itself
  local bufnr, asked = api.nvim_get_current_buf(), place()
  local client = vim.lsp.get_clients({ name = 'completer', bufnr = bufnr })[1]
  if not client or not require('completer').is_enabled(bufnr) then
    return
  end
  local position = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local params = vim.tbl_extend('force', position, {
    context = { triggerKind = kind },
    formattingOptions = {
      tabSize = vim.lsp.util.get_effective_tabstop(bufnr),
      insertSpaces = vim.bo[bufnr].expandtab,
    },
  })
  local ok, id = client:request(METHOD, params, function(err, result)
    pending = nil
    if not err and api.nvim_get_current_buf() == bufnr and place() == asked then
      answered(client, result, kind == INVOKED)
    end
  end, bufnr)
  pending = ok and { client = client, id = id } or nil
end

--- Why what is shown has no place at the caret any more.
---@return 'typed_through'|'typed_over'|'cursor_moved'
local function why_gone()
  local row, col = caret()
  local item = shown.items[shown.index]
  if row == item.row and line_at(row):sub(item.col + 1, col) == item.text then
    return 'typed_through'
  end
  return row == item.row and vim.b.changedtick ~= shown.tick and 'typed_over' or 'cursor_moved'
end

--- The text or the caret has changed.
function M.changed()
  if shown and not current() then
    M.hide(why_gone())
  end
  if shown then
    shown.tick = vim.b.changedtick
  end
  render()
  if only_when_asked or dismissed == place() then
    return
  end
  timer = timer or assert(vim.uv.new_timer())
  timer:start(debounce_ms, 0, vim.schedule_wrap(function()
    if api.nvim_get_mode().mode:sub(1, 1) == 'i' then
      request(AUTOMATIC)
    end
  end))
end

--- Insert mode, or the buffer, was left.
function M.left()
  cancel()
  M.hide('esc')
end

---@param text string
---@param part 'all'|'word'|'line'
---@return string
local function part_of(text, part)
  if part == 'word' then
    return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*[^%w_%s]+') or text
  elseif part == 'line' then
    return text:match('^\n*[^\n]+') or text
  end
  return text
end

---@param text string
local function insert(text)
  local row, col = caret()
  local lines = vim.split(text, '\n', { plain = true })
  api.nvim_buf_set_text(0, row, col, row, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and col or 0) + #lines[#lines] })
end

--- Accept the completion, or its next word or line.
---@param part? 'all'|'word'|'line'
---@return boolean whether there was one
function M.accept(part)
  local item, rest = current()
  if not item or not rest or menu_is_used() or dismissed == place() then
    return false
  end
  cancel()
  local taken = part_of(rest, part or 'all')
  insert(taken)
  if taken == rest and not shown.partial then
    shown.client:exec_cmd(item.lsp.command, { bufnr = shown.bufnr })
    M.hide()
    return true
  end
  local length = utf16_length(item.text) - utf16_length(rest:sub(#taken + 1))
  notify('didPartiallyAcceptCompletion', item, { acceptedLength = length, kind = part })
  shown.partial = true
  if taken == rest then
    M.hide()
  else
    M.follow(item, taken)
    render()
  end
  return true
end

--- After a line was accepted, the item goes on in the caret's line.
---@param item completer.Item
---@param taken string
function M.follow(item, taken)
  local _, breaks = taken:gsub('\n', '')
  if breaks > 0 then
    local done = item.text:match('^' .. ('[^\n]*\n'):rep(breaks)) or ''
    item.text, item.row, item.col = item.text:sub(#done + 1), item.row + breaks, 0
  end
end

--- Show the next alternative; fetches them if that was not done yet.
---@param step integer 1 or -1
function M.cycle(step)
  dismissed = ''
  if not current() or not shown.invoked then
    return request(INVOKED)
  end
  local count = #shown.items
  for _ = 1, count do
    shown.index = (shown.index - 1 + step) % count + 1
    if current() then
      break
    end
  end
  render((' (%d/%d)'):format(shown.index, count))
end

--- Take the completion off the screen.
---@return boolean whether there was one
function M.dismiss()
  local there = current() ~= nil
  dismissed = place()
  cancel()
  M.hide('esc')
  return there
end

--- Whether a completion is on the screen.
---@return boolean
function M.is_shown()
  return current() ~= nil and not menu_is_used() and dismissed ~= place()
end

---@param options completer.Options
function M.setup(options)
  debounce_ms = options.debounce_ms
  only_when_asked = options.shown == 'asked'
  api.nvim_set_hl(0, 'CompleterGhost', { default = true, link = 'NonText' })
  api.nvim_set_hl(0, 'CompleterHint', { default = true, link = 'MoreMsg' })
  local group = api.nvim_create_augroup('completer.ghost', {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  on({ 'InsertEnter', 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, M.changed)
  on({ 'InsertLeave', 'BufLeave' }, M.left)
  on('CompleteChanged', function()
    render()
  end)
end

return M
