# Builds the registry in one stage and ships the binary alone in the next.
FROM rust:1.95-bookworm AS build
WORKDIR /pluginry
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/pluginry pluginry
COPY --from=build /pluginry/target/release/pluginry /usr/local/bin/pluginry
USER pluginry
WORKDIR /var/lib/pluginry
EXPOSE 8080
ENTRYPOINT ["pluginry"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/var/lib/pluginry"]
