#include "admin/server_tls.hpp"

#include "pipeline/controller.hpp"

namespace collector::admin {

Result<std::shared_ptr<net::TlsContext>> ServerTls::now() {
  const auto& block = controller_.http().tls;
  if (!block) {
    block_.reset();
    context_ = nullptr;
    return context_;
  }
  const bool same = block_ && *block_ == *block;
  auto settings = pipeline::server_tls(controller_.seams().files, *block);
  if (settings && same && *settings == settings_) return context_;
  auto made = settings ? net::TlsContext::server(*settings)
                       : Result<std::shared_ptr<net::TlsContext>>(settings.error());
  if (made) {
    block_ = *block;
    settings_ = std::move(*settings);
    context_ = std::move(*made);
    return context_;
  }
  controller_.log().error(same ? "the admin server's TLS cannot be renewed; the old one stays"
                               : "the admin server's TLS cannot be set up; nobody is let in",
                          {{"err", made.error().what()}});
  if (same) return context_;
  return made.error().in("http > tls");
}

Task<Result<std::unique_ptr<Stream>>> ServerTls::admit(std::shared_ptr<ServerTls> self,
                                                       std::unique_ptr<Stream> stream,
                                                       std::stop_token stop) {
  auto context = self->now();
  if (!context) co_return Result<std::unique_ptr<Stream>>(context.error());
  if (!*context) co_return Result<std::unique_ptr<Stream>>(std::move(stream));
  const std::string peer = stream->peer();
  auto secured = co_await net::tls_accept(*context, std::move(stream), std::move(stop));
  if (!secured) {
    self->controller_.log().warn("a TLS connection to the admin server failed",
                                 {{"peer", peer}, {"err", secured.error().what()}});
    co_return Result<std::unique_ptr<Stream>>(secured.error());
  }
  co_return Result<std::unique_ptr<Stream>>(std::unique_ptr<Stream>(std::move(*secured)));
}

}  // namespace collector::admin
