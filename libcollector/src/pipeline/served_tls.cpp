#include "pipeline/served_tls.hpp"

namespace collector::pipeline {

Result<std::shared_ptr<net::TlsContext>> ServedTls::now(const std::optional<HttpTls>& block) {
  if (!block) {
    block_.reset();
    context_ = nullptr;
    return context_;
  }
  const bool same = block_ && *block_ == *block;
  auto settings = server_tls(files_, *block);
  if (settings && same && *settings == settings_) return context_;
  auto made = settings ? net::TlsContext::server(*settings)
                       : Result<std::shared_ptr<net::TlsContext>>(settings.error());
  if (made) {
    block_ = *block;
    settings_ = std::move(*settings);
    context_ = std::move(*made);
    return context_;
  }
  log_.error(whose_ + (same ? "'s TLS cannot be renewed; the old one stays"
                            : "'s TLS cannot be set up; nobody is let in"),
             {{"err", made.error().what()}});
  if (same) return context_;
  return made.error().in("http > tls");
}

Task<Result<std::unique_ptr<Stream>>> ServedTls::admit(std::shared_ptr<ServedTls> self,
                                                       std::optional<HttpTls> block,
                                                       std::unique_ptr<Stream> stream,
                                                       std::stop_token stop) {
  auto context = self->now(block);
  if (!context) co_return Result<std::unique_ptr<Stream>>(context.error());
  if (!*context) co_return Result<std::unique_ptr<Stream>>(std::move(stream));
  const std::string peer = stream->peer();
  auto secured = co_await net::tls_accept(*context, std::move(stream), std::move(stop));
  if (!secured) {
    self->log_.warn("a TLS connection to " + self->whose_ + " failed",
                    {{"peer", peer}, {"err", secured.error().what()}});
    co_return Result<std::unique_ptr<Stream>>(secured.error());
  }
  co_return Result<std::unique_ptr<Stream>>(std::unique_ptr<Stream>(std::move(*secured)));
}

}  // namespace collector::pipeline
