-- Runs the plugin with a stand-in for Neovim and prints what it did.
local folder = arg[1]
package.path = folder .. '/lua/?.lua;' .. folder .. '/lua/?/init.lua;' .. package.path

local calls = {}
local function note(...)
  local parts = {}
  for _, part in ipairs({ ... }) do
    parts[#parts + 1] = tostring(part)
  end
  calls[#calls + 1] = table.concat(parts, ' ')
end

local mappings, callbacks, shown = {}, {}, false
local client = { name = 'completer', attached_buffers = { [7] = true } }

vim = {
  log = { levels = { ERROR = 4 } },
  cmd = { redrawstatus = function() note('redrawstatus') end },
  notify = function(text) note('notify', text) end,
  tbl_deep_extend = function(_, base, over)
    local merged = {}
    for key, value in pairs(base) do merged[key] = value end
    for key, value in pairs(over) do merged[key] = value end
    return merged
  end,
  tbl_keys = function() return {} end,
  keymap = { set = function(_, key, action) mappings[key] = action end },
  api = {
    nvim_create_augroup = function() return 1 end,
    nvim_create_autocmd = function(event, options) callbacks[event] = options.callback end,
    nvim_create_user_command = function(name, action) callbacks[name] = action end,
  },
  lsp = {
    config = function(name, config)
      note('config', name, config.cmd[1], config.init_options.choices)
      callbacks.status = config.handlers.didChangeStatus
    end,
    enable = function(name, on) note('start', name, on == nil and true or on) end,
    get_clients = function() return { client } end,
    get_client_by_id = function() return client end,
  },
}
if arg[2] ~= 'old' then
  vim.lsp.inline_completion = {
    enable = function(on, filter) note('inline', on, filter.bufnr) end,
    get = function() return shown end,
    select = function(options) note('select', options.count) end,
  }
end

dofile(folder .. '/plugin/completer.lua')
require('completer').setup({ choices = 3 })
if arg[2] ~= 'old' then
  callbacks.LspAttach({ data = { client_id = 1 }, buf = 7 })
  note('tab without', mappings['<Tab>']())
  shown = true
  note('tab with', mappings['<Tab>']() == nil)
  mappings['<M-]>']()
  callbacks.Completer({ args = 'toggle' })
  callbacks.status(nil, { kind = 'Warning', message = 'full', busy = false })
  callbacks.Completer({ args = 'status' })
  callbacks.Completer({ args = 'explode' })
end
print(table.concat(calls, '\n'))
