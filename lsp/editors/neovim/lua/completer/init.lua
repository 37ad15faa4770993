--- Ghost text from a self-hosted completer, through Neovim's own LSP client.
local M = {}

---@class completer.Options
---@field cmd? string[] how to start the server
---@field filetypes? string[] where to complete (default: everywhere)
---@field choices? integer alternatives to fetch when asked by hand
---@field after_deletion? boolean complete after text was deleted, too
---@field keys? { accept?: string|false, next?: string|false, previous?: string|false }
local defaults = {
  cmd = { 'completer', 'lsp' },
  filetypes = nil,
  choices = 1,
  after_deletion = true,
  keys = { accept = '<Tab>', next = '<M-]>', previous = '<M-[>' },
}

local ROOT_MARKERS = {
  { '.git', '.hg' },
  { 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml', 'CMakeLists.txt' },
}

--- What the server last said of itself: { busy, kind, message }.
M.status = { busy = false, kind = 'Inactive', message = '' }

local enabled = true

--- Map a key in insert mode; where there is nothing to do, it keeps its meaning.
local function map(key, action, description)
  if not key then
    return
  end
  vim.keymap.set('i', key, function()
    if not action() then
      return key
    end
  end, { expr = true, desc = description })
end

local function map_keys(keys)
  local inline = vim.lsp.inline_completion
  map(keys.accept, function()
    return inline.get()
  end, 'Accept the completion')
  local function step(count)
    return function()
      inline.select({ count = count })
      return true
    end
  end
  map(keys.next, step(1), 'Next completion')
  map(keys.previous, step(-1), 'Previous completion')
end

--- Turn completions on or off in every buffer that the server knows.
---@param on boolean
function M.enable(on)
  enabled = on
  for _, client in ipairs(vim.lsp.get_clients({ name = 'completer' })) do
    for bufnr in pairs(client.attached_buffers) do
      vim.lsp.inline_completion.enable(on, { bufnr = bufnr })
    end
  end
end

function M.toggle()
  M.enable(not enabled)
end

---@param options? completer.Options
function M.setup(options)
  if not (vim.lsp.config and vim.lsp.inline_completion) then
    vim.notify('completer needs Neovim 0.12 or newer', vim.log.levels.ERROR)
    return
  end
  options = vim.tbl_deep_extend('force', defaults, options or {})
  vim.lsp.config('completer', {
    cmd = options.cmd,
    filetypes = options.filetypes,
    root_markers = ROOT_MARKERS,
    init_options = { choices = options.choices, afterDeletion = options.after_deletion },
    handlers = {
      didChangeStatus = function(_, status)
        M.status = status
        vim.cmd.redrawstatus()
      end,
    },
  })
  vim.api.nvim_create_autocmd('LspAttach', {
    group = vim.api.nvim_create_augroup('completer', {}),
    callback = function(args)
      local client = vim.lsp.get_client_by_id(args.data.client_id)
      if client and client.name == 'completer' then
        vim.lsp.inline_completion.enable(enabled, { bufnr = args.buf })
      end
    end,
  })
  map_keys(options.keys)
  vim.lsp.enable('completer')
end

return M
